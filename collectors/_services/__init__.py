"""The private parts of `collectors.services`: what systemd says, what follows from it, how it is told."""
