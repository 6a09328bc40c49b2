"""Fill the page: one HTML document with its style, its script and its data inside, and a policy that allows no more.

The template escapes whatever it is given; the events go in as JSON, in which no `<` is left, and the script sets them
as text alone.
"""

import base64
import hashlib
import time
from collections.abc import Sequence
from importlib import resources
from typing import Any, NamedTuple

import jinja2
import msgspec
from markupsafe import Markup

from agent.report.history import History, clock
from agent.runtime.status import Document
from collectors._portable import counted, printable

_NO_MARKUP = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


class Asked(NamedTuple):
    """What a page was asked for: moments in seconds since the epoch."""

    since: float | None = None
    until: float | None = None
    around: float | None = None
    named: Sequence[tuple[str, str, str]] = ()
    """What led to the moment, as events have it in `preceded_by`, the most tied first."""


def page(history: History, status: Document, asked: Asked) -> str:
    """Return the page as HTML; `status` is how delivery and spool stand now."""
    now = time.time()
    style, script = _part("page.css"), _part("page.js")
    environment = jinja2.Environment(
        autoescape=True,
        finalize=_printable,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clock": _clock, "counted": counted, "size": _size}
    return environment.from_string(_part("page.html")).render(
        policy=(
            f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}';"
            " base-uri 'none'; form-action 'none'"
        ),
        style=Markup(style),  # noqa: S704 - our own file, as it is in the package
        script=Markup(script),  # noqa: S704 - likewise
        data=_data(history, asked, now),
        history=history,
        status=status,
        span=_span(history, asked),
        made=f"{clock(now)} {time.strftime('%Z', time.localtime(now))}",
    )


def _data(history: History, asked: Asked, now: float) -> Markup:
    """Return what the script reads, as JSON that no reader of HTML takes for anything but text."""
    found: dict[str, Any] = {"now": now, "around": asked.around, "since": asked.since, "until": asked.until}
    found["named"] = asked.named
    text = msgspec.json.encode({**found, "events": history.events}).decode()
    return Markup(text.translate(_NO_MARKUP))  # noqa: S704 - it holds no markup any more


def _span(history: History, asked: Asked) -> str:
    events = history.events
    since = asked.since if asked.since is not None else (events[0].time if events else None)
    until = asked.until if asked.until is not None else (events[-1].time if events else None)
    return f"{_clock(since)} to {_clock(until)}" if events or asked.since else "nothing"


def _printable(value: Any) -> Any:
    """Let nothing of a receiver's answer or a file's name turn the direction of the text around it."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _part(name: str) -> str:
    return resources.files("agent.report").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _clock(seconds: float | None) -> str:
    return "-" if seconds is None else clock(seconds)


def _size(amount: float) -> str:
    return f"{amount / 1024:.0f} KiB" if amount < 1 << 20 else f"{amount / (1 << 20):.1f} MiB"
