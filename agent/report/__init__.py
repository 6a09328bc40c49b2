"""One page of this host's history, whole in itself: for a ticket, or beside an outage.

`history.py` reads what is kept, `page.py` fills `page.html` with it. Imported by `sts-agent report` alone: it needs
jinja2, of the extra `report`. The page loads nothing from anywhere and runs no script but its own; nothing of an
event is ever markup in it.
"""
