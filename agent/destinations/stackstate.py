"""A StackState receiver as a destination: its address, its key's place, its body.

See `destination` for the law. It never sends the key anywhere but to the configured address: no
redirect is followed, and after the first success the key stays where it worked.
"""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, quote, urlsplit

from agent.configuration import types
from agent.destinations.answer import Answer, NotSent, Response
from agent.destinations.destination import DestinationError, Request
from agent.destinations.envelope import encode, envelope
from agent.destinations.http import Http
from agent.destinations.key import Key
from agent.destinations.mask import Mask
from agent.destinations.outcome import Outcome, outcome

Place = Literal["header", "query", "both"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ENDINGS = re.compile(r"(/+intake)?/*$")
_KEY_REFUSED = {401, 403}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a receiver is: an URL that ends in /stsAgent, and the key that was pasted with it."""

    url: str
    api_key: types.Secret | None = None

    def __repr__(self) -> str:
        return f"Address({self.url!r})"


def parse_address(url: str) -> Address:
    """Return the address behind what people paste: with /intake, a last slash, ?api_key=.

    Raises `DestinationError` for what is no http(s) URL.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise DestinationError(
            "the url cannot be read", "write it as https://host/receiver/stsAgent"
        ) from None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise DestinationError("the url is no http(s) address", "write it as https://host/receiver/stsAgent")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    userinfo, at, _ = parts.netloc.rpartition("@")
    where = f":{port}" if port and port != _DEFAULT_PORTS[scheme] else ""
    path = _ENDINGS.sub("", parts.path)
    key = dict(parse_qsl(parts.query)).get("api_key")
    return Address(f"{scheme}://{userinfo}{at}{host}{where}{path}", types.Secret(key) if key else None)


class StackState:
    """Sends the common JSON object to one receiver."""

    one_event_a_request = False

    def __init__(
        self,
        name: str,
        settings: types.Destination,
        *,
        http: Callable[..., Http] = Http,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._settings = settings
        self._wall = wall
        self._clock = clock
        self._address = parse_address(settings.url)
        self._key = Key(settings.api_key or self._address.api_key, settings.api_key_file)
        self._mask = Mask()
        self._mask.add(urlsplit(self._address.url).password or "")
        self._http = http(
            tls=settings.tls, proxy=settings.proxy, no_proxy=settings.no_proxy, mask=self._mask, wall=wall
        )
        self._proven: Place | None = None

    def __repr__(self) -> str:
        return f"StackState({self.name!r}, {self._mask(self._address.url)!r})"

    @property
    def identity(self) -> str:
        """Return what it is, whatever its name."""
        parts = urlsplit(self._address.url)
        where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return hashlib.sha256(f"stackstate {where}".encode()).hexdigest()

    def send(self, request: Request, timeout_seconds: float) -> Answer:
        """POST the entries once, or twice while it is not known where this receiver wants the key."""
        try:
            key = self._key.get()
        except DestinationError as error:
            return NotSent(str(error))
        self._mask.add(key)
        parts = envelope(request, int(self._wall()))
        body, encoding = encode(parts, self._settings.compression)
        headers = {"Content-Type": "application/json"}
        if encoding:
            headers["Content-Encoding"] = encoding

        def post(place: Place, seconds: float) -> Answer:
            url = self._url("/intake", key, place)
            return self._http.post(url, body, {**headers, **_key_headers(key, place)}, seconds)

        return self._first_answer(timeout_seconds, post)

    def validate(self, timeout_seconds: float) -> Answer:
        """Ask the receiver whether it knows the key: 2xx when it does, 403 when not."""
        try:
            key = self._key.get()
        except DestinationError as error:
            return NotSent(str(error))
        self._mask.add(key)

        def get(place: Place, seconds: float) -> Answer:
            url = self._url("/api/v1/validate", key, place)
            return self._http.get(url, _key_headers(key, place), seconds)

        return self._first_answer(timeout_seconds, get)

    def outcome(self, answer: Answer, *, events: int, accepted_another: bool) -> Outcome:
        """Return what an answer means: the usual table."""
        return outcome(answer, events=events, accepted_another=accepted_another)

    def probe_key_changed(self) -> bool:
        """Return whether the key file is another than the one last used."""
        return self._key.has_changed()

    def cut_short(self, seconds: float) -> None:
        """Leave a request that is under way at most so many seconds more."""
        self._http.shorten(seconds)

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _first_answer(self, timeout_seconds: float, ask: Callable[[Place, float], Answer]) -> Answer:
        ends = self._clock() + timeout_seconds
        refused: Response | None = None
        for place in self._places():
            answer = ask(place, max(ends - self._clock(), 0.001))
            if isinstance(answer, Response) and answer.status in _KEY_REFUSED:
                refused = refused or answer
                continue
            if isinstance(answer, Response) and _is_success(answer):
                self._proven = place
            return answer
        assert refused is not None  # noqa: S101 - there is always a place
        return refused

    def _places(self) -> tuple[Place, ...]:
        match self._settings.key_in:
            case "auto":
                return (self._proven,) if self._proven else ("header", "query")
            case place:
                return (place,)

    def _url(self, path: str, key: str, place: Place) -> str:
        query = "" if place == "header" else f"?api_key={quote(key, safe='')}"
        return f"{self._address.url}{path}{query}"


def _key_headers(key: str, place: Place) -> dict[str, str]:
    return {} if place == "query" else {"sts-api-key": key}


def _is_success(answer: Response) -> bool:
    return 200 <= answer.status < 300 and not answer.is_html  # noqa: PLR2004 - the class of success
