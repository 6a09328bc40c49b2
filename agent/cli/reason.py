"""Why an event happened, in as few words as a line of `log` has room for: what its title does not say. Pure.

It reads the data of an event, as docs/events.md has them, and knows nothing of who made it: a key that is not there
says nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agent.events.stored_event import StoredEvent

Data = Mapping[str, Any]

_MOST_CHANGES = 2
_MOST_CHARACTERS = 80
_KEYS = frozenset(
    [
        "after_boot",
        "attributes",
        "change",
        "destination",
        "downtime_seconds",
        "effect",
        "exit_code",
        "first_problem",
        "origin",
        "previous_shutdown",
        "reason",
        "renamed_from",
        "restarts",
        "result",
        "signal",
        "slept_seconds",
        "while_agent_down",
    ]
)
"""The keys without which none of the parts says anything."""
_BY = {
    "package": "by package",
    "puppet": "by Puppet",
    "ansible": "by Ansible",
    "person": "by",
    "service": "by service",
    "timer": "by timer",
    "dependency": "through a dependency",
    "manager": "by systemd",
}
_AT_WORK = {"package-log", "report"}


def reason(event: StoredEvent) -> str:
    """Return it on one line, as `mode 0644 -> 0600, by alice with vim`; empty where the title says all."""
    data: Data = (event.context and event.context.data) or {}
    if _KEYS.isdisjoint(data):  # as of nearly all that programs post
        return ""
    said = (words for part in _PARTS for words in part(data))
    return ", ".join(dict.fromkeys(filter(None, said)))


def _file(data: Data) -> Iterator[str]:
    if data.get("renamed_from"):
        yield f"from {data['renamed_from']}"
    for name in filter(None, str(data.get("attributes") or "").replace(" ", "").split(",")):
        yield _went(name, data)
    if data.get("change") == "modified":
        yield from _content(data)


def key_change(change: Mapping[str, Any]) -> str:
    """Return what became of one key, as `port: 80 -> 81`, `added port: 80` or `removed port: 80`."""
    key, old, new = (change.get(name) for name in ("key", "old", "new"))
    if old is None:
        return f"added {key}: {new}"
    return f"removed {key}: {old}" if new is None else f"{key}: {old} -> {new}"


def _went(name: str, data: Data) -> str:
    """Return how an attribute went from what to what; its name alone where that is not told."""
    key = "owner" if name == "group" else name
    old, new = data.get(f"old_{key}"), data.get(f"new_{key}")
    return f"{name} {old} -> {new}" if old is not None and new is not None and old != new else name


def _content(data: Data) -> Iterator[str]:
    changes = data.get("changes")
    if isinstance(changes, list) and changes:
        for change in changes[:_MOST_CHANGES]:
            if isinstance(change, dict):
                yield _cut(key_change(change))
        if len(changes) > _MOST_CHANGES:
            yield f"and {len(changes) - _MOST_CHANGES} more"
        return
    if isinstance(diff := data.get("diff"), str) and diff:
        yield _lines(diff)
    elif data.get("old_size") != data.get("new_size"):
        yield f"{data.get('old_size')} -> {data.get('new_size')} bytes"
    elif not data.get("attributes"):
        yield "content"


def _lines(diff: str) -> str:
    """Return how many lines of a unified diff came and went."""
    lines = [line for line in diff.splitlines() if not line.startswith(("+++", "---"))]
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    return f"+{added} -{removed} lines"


def _end(data: Data) -> Iterator[str]:
    """Yield how a service or a process ended."""
    if data.get("signal"):
        yield f"by {data['signal']}"
    elif data.get("exit_code") is not None:
        yield f"exit status {data['exit_code']}"
    elif data.get("result") not in (None, "", "success"):
        yield f"result {data['result']}"
    if data.get("restarts"):
        yield f"restart {data['restarts']}"
    if data.get("after_boot"):
        yield "it ran before the boot"


def _host(data: Data) -> Iterator[str]:
    if data.get("previous_shutdown") == "unclean":
        yield "the boot before ended without a shutdown"
    if data.get("downtime_seconds"):
        yield f"after {_long(data['downtime_seconds'])}"
    if data.get("slept_seconds"):
        yield f"slept {_long(data['slept_seconds'])}"


def _agent(data: Data) -> Iterator[str]:
    if data.get("destination") and data.get("count"):
        yield f"{data['count']} for {data['destination']}"
    for key in ("reason", "first_problem"):
        if isinstance(words := data.get(key), str):
            yield _cut(words)
    if isinstance(effect := data.get("effect"), str) and effect:  # a sentence
        yield _cut(effect[0].lower() + effect[1:].rstrip("."))


def _who(data: Data) -> Iterator[str]:
    """Yield who made it; of what nobody knows, what was at work at that moment."""
    origin, name = str(data.get("origin") or ""), data.get("origin_name")
    if origin in _BY:
        who, login = str(name or data.get("origin_unit") or ""), data.get("origin_login_user")
        if origin == "person":
            who, login = str(login or data.get("origin_user") or "a person"), None
        is_told = origin == "package" and data.get("package")  # the title names it
        program = data.get("origin_program")
        words = (
            "" if is_told else f"{_BY[origin]} {who}".rstrip(),
            f"with {program}" if program else "",
            f"for {login}" if login else "",
        )
        yield " ".join(filter(None, words))
    elif name and set(str(data.get("origin_how") or "").split(",")) & _AT_WORK:
        yield f"during {name}"


def _when(data: Data) -> Iterator[str]:
    if data.get("while_agent_down"):
        yield "while the agent was not running"


_PARTS: tuple[Callable[[Data], Iterator[str]], ...] = (_file, _end, _host, _agent, _who, _when)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _long(seconds: Any) -> str:
    """Return a span as people say it, to the nearest unit that suits it."""
    if not isinstance(seconds, (int, float)):
        return str(seconds)
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
