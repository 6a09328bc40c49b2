"""A Sensu server's events as it lists them: page by page, or one. Read and checked; never told, never remembered.

Facts: Sensu Core 1.x, "Events API": `limit` and `offset`, and X-Pagination with the total where a limit is given.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec

from agent.http.client import HttpClient
from agent.http.result import Answered, HttpResult
from agent.systems.http_outcome import describe
from agent.systems.sensu.result import is_name

PAGE_EVENTS = 100
PAGE_BYTES = 8 * 1024 * 1024
MOST_EVENTS = 10_000
"""Of one server: what it has beyond them is not looked at."""
TIMEOUT_SECONDS = 20.0
_LONGEST_NAME = 256

Key = tuple[str, str]
"""Client and check."""


class NotAskedError(Exception):
    """The server could not be asked, or what it answers is no list of events; nothing follows from it."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One event as the server has it now."""

    client: str
    check: str
    id: str
    status: int
    action: str
    event: Mapping[str, Any] = field(repr=False)
    """All of it."""

    @property
    def key(self) -> Key:
        """Return what it is known by."""
        return (self.client, self.check)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list."""

    sightings: Sequence[Sighting]
    length: int
    """How many events it had, readable or not."""
    total: int | None
    """Of the whole list, where the server says so."""


class EventsApi:
    """Asks one server; for one thread."""

    def __init__(self, url: str, http: HttpClient) -> None:
        self._base = url.rstrip("/")
        self._http = http
        self._limit = PAGE_EVENTS

    def pages(self) -> Iterator[Page]:
        """Yield the whole list, or as much of it as is looked at; raises `NotAskedError`."""
        offset = 0
        while offset < MOST_EVENTS:
            page = self._page(offset)
            yield page
            offset += page.length
            is_last = page.length != self._limit if page.total is None else offset >= page.total
            if is_last or not page.length:
                return
        raise NotAskedError(f"it has more than {MOST_EVENTS} events: the others are not looked at")

    def is_gone(self, key: Key) -> bool:
        """Return whether the server says of one event that there is none; raises `NotAskedError` when it cannot tell."""
        answer = self._http.get(f"{self._base}/events/{key[0]}/{key[1]}", {}, TIMEOUT_SECONDS)
        if isinstance(answer, Answered) and answer.status == HTTPStatus.NOT_FOUND:
            return True
        _checked(answer)
        return False

    def _page(self, offset: int) -> Page:
        url = f"{self._base}/events?limit={self._limit}&offset={offset}"
        answer = _checked(self._http.get(url, {}, TIMEOUT_SECONDS))
        if len(answer.content) >= PAGE_BYTES and self._limit > 1:
            self._limit //= 10
            raise NotAskedError(f"its events are large; next time {self._limit} at once")
        try:
            listed = msgspec.json.decode(answer.content)
        except (msgspec.DecodeError, RecursionError):
            raise NotAskedError("what it answers is no JSON") from None
        if not isinstance(listed, list):
            raise NotAskedError("what it answers is no list of events")
        found = [one for one in map(sighting, listed) if one is not None]
        return Page(found, len(listed), _total(answer))


def sighting(event: object) -> Sighting | None:
    """Return what the server lists as one event, or None for what is none."""
    if not isinstance(event, dict):
        return None
    client, check = event.get("client"), event.get("check")
    if not isinstance(client, dict) or not isinstance(check, dict):
        return None
    of, name = _name(client), _name(check)
    if of is None or name is None:
        return None
    status, identifier, action = check.get("status"), event.get("id"), event.get("action")
    return Sighting(
        client=of,
        check=name,
        id=identifier[:_LONGEST_NAME] if isinstance(identifier, str) else "",
        status=status if isinstance(status, int) else 0,
        action=action if action in ("create", "flapping") else "create",
        event=event,
    )


def _name(named: Mapping[str, Any]) -> str | None:
    name = named.get("name")
    return name if isinstance(name, str) and is_name(name) and len(name) <= _LONGEST_NAME else None


def _checked(answer: HttpResult) -> Answered:
    if not isinstance(answer, Answered):
        raise NotAskedError(getattr(answer, "text", "") or getattr(answer, "reason", ""))
    if answer.status != HTTPStatus.OK or answer.is_html:
        raise NotAskedError(describe(answer))
    return answer


def _total(answer: Answered) -> int | None:
    text = next((value for name, value in answer.headers.items() if name.lower() == "x-pagination"), "")
    try:
        said = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    total = said.get("total") if isinstance(said, dict) else None
    return total if isinstance(total, int) and not isinstance(total, bool) else None
