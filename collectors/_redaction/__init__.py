"""What leaves the host without its secrets; shared by the collectors that tell text: `files` and `services`."""
