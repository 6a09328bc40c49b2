"""What the event model is made of, for who has no time to load the whole of it."""
