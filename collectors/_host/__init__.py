"""The private parts of the `host` collector: what it reads, what it remembers, what it concludes."""
