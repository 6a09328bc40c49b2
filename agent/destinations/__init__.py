"""Remote sides that events go to. Want to add one? A module beside this file, and one line in `registry`."""
