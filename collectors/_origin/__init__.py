"""Who changed something: what the kernel tells of it, and what is decided from all evidence."""
