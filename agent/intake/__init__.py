"""Where local programs hand in events: HTTP on a Unix socket, answered only when they are on disk."""
