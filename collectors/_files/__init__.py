"""Private parts of `collectors.files`."""
