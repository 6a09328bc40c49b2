"""What the agent asks of the spool, a noun a module."""
