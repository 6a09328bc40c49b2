"""From the spool to a destination: batches, outcomes, waits. `loop` is the place to start."""
