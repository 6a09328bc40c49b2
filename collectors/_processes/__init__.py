"""The private parts of `collectors.processes`: finding, waiting for the end, comparing, telling."""
