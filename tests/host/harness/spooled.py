"""What a test host's own spool holds, where it is about more than the events that arrive."""

import json

from harness.host import Host

_SCRIPT = """\
import json, sqlite3
spool = sqlite3.connect("file:/var/lib/sts-agent/spool.db?mode=ro", uri=True)
rows = spool.execute("SELECT count FROM records WHERE name = {name!r} ORDER BY number")
print(json.dumps([count for count, in rows]))
"""


def chunks(host: Host, name: str) -> list[int]:
    """Return how many events each chunk of this event name holds, oldest first: what one emit kept is one chunk."""
    counts: list[int] = json.loads(host.python(_SCRIPT.format(name=name)))
    return counts
