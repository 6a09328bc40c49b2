"""What the daemon will need on this host, tried before it needs it: one module a kind of need.

Each look returns `Finding`s, and changes nothing: no file is left behind, no event is sent.
"""
