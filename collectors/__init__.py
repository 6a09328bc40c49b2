"""What happened on this host: one module per collector, listed in `collectors.registry`."""
