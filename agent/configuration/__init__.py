"""agent.yaml, conf.d and the environment, as one checked value."""
