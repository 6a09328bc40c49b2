"""An event on its way to the disk: whose it is, what it looks like, when it was, and how it gets there."""
