"""StackState: the common JSON object, in and out."""
