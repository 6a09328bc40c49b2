"""Remote systems, a folder each. Want to add one? Read `system`, make a folder, add a line to `registry`."""
