"""An event on its way to the disk: the stored shape, and whose event it is."""
