"""What runs: the daemon and its supervisor, its schedule and signals, and what the agent says of itself."""
