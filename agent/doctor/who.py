"""Whether the kernel says who changes a file, as the running daemon found when it tried."""

from collections.abc import Mapping
from typing import Any

from agent.systems.finding import Finding
from collectors._portable import counted

_ADVICE = "changes are told all the same, by a package's log, a report or a session; docs/operations.md says what it takes"


def look_at_who(state: Mapping[str, Any] | None) -> Finding:
    """Tell what the daemon says of it; None where no daemon answers."""
    if state is None:
        return Finding(
            "who", "ok", "whether the kernel says who changes a file is tried when the agent starts"
        )
    if not state.get("on"):
        why = str(state.get("why", ""))
        is_wanted = "who: false" not in why
        return Finding("who", "warn" if is_wanted else "ok", f"off: {why}", _ADVICE if is_wanted else "")
    when = "at once" if state.get("at_once") else "when a processor is free"
    text = f"on, {when}: {counted(state.get('directories', 0), 'directory', 'directories')}"
    if missing := state.get("not_marked"):
        text += f", {missing} not: {state.get('why_not_marked')}"
        return Finding(
            "who", "warn", text, "sysctl fs.fanotify.max_user_marks, or a file system that has handles"
        )
    return Finding("who", "ok", text)
