"""The main job to watch: a receiver, an agent and a folder, made for a few seconds and gone after them."""
