"""One POST under a total deadline, its answer as a value, and no credential in anything that comes out.

The boundary where foreign exceptions end: whatever requests, urllib3, ssl or the resolver raise becomes a
`NoAnswer` with one masked line. A session is renewed after a failure, and every few minutes so that
a name that moved is looked up again.
"""

import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent.configuration.no_proxy import is_exempt
from agent.configuration.types import Tls
from agent.http.deadline import Deadline
from agent.http.errors import ClientError, translated
from agent.http.mask import Mask
from agent.http.result import Answered, HttpResult, NoAnswer, NotSent, parse_retry_after

if TYPE_CHECKING:  # loaded with the first request
    from agent.http.direct import DirectAnswer, KnownAnswer
    from agent.http.plain_requests import PreparedRequest
    from agent.http.transport import GuardedSession, Proxied

RENEW_SECONDS = 180.0
REUSE_SECONDS = 4.0
"""A connection idle for longer may be closed by the other side at the very moment we use it."""

BODY_BYTES = 16 * 1024
"""Of an answer: enough to say what is wrong. Who wants an answer whole says how large one may be."""
_LINE_CHARACTERS = 300


class HttpClient:
    """Makes requests to one other side, one at a time; `shorten` and `close` may come from any thread."""

    def __init__(
        self,
        *,
        tls: Tls,
        proxy: str | None = None,
        no_proxy: Iterable[str] = (),
        mask: Mask,
        body_bytes: int = BODY_BYTES,
        resolve: Callable[..., list[Any]] = socket.getaddrinfo,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._tls = tls
        self._proxy = proxy
        self._no_proxy = tuple(no_proxy)
        self._mask = mask
        self._body_bytes = body_bytes
        self._resolve = resolve
        self._clock = clock
        self._wall = wall
        self._deadline = Deadline(clock)
        self._session: GuardedSession | None = None
        self._request: PreparedRequest | None = None
        self._known: tuple[object, ...] = ()
        self._made = self._used = 0.0
        if proxy:
            mask.add(urlsplit(proxy).password or "")

    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> HttpResult:
        """POST once; returns within the time, whatever the other side does."""
        return self._exchange("POST", url, body, headers, timeout_seconds)

    def get(self, url: str, headers: Mapping[str, str], timeout_seconds: float) -> HttpResult:
        """GET once, as `post`."""
        return self._exchange("GET", url, None, headers, timeout_seconds)

    def shorten(self, seconds: float) -> None:
        """Leave a request that is under way at most so many seconds more."""
        self._deadline.shorten(seconds)

    def close(self) -> None:
        """Close the connections; a request that is under way ends."""
        self._deadline.close()
        self._renew()

    def _renew(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout_seconds: float
    ) -> HttpResult:
        self._deadline.start(timeout_seconds)
        proxies = None
        try:
            proxies = self._proxies(url)
            session = self._fresh_session(url)
            request = self._prepared(session, method, url, body, headers)
            answer = session.ask(request, timeout_seconds, proxies)
            if self._deadline.expired:  # we ended the connection: what looks like the end of a header is not
                raise TimeoutError  # noqa: TRY301 - translated below as any other
            return self._read(answer)
        except ClientError as error:
            return NotSent(self._line(str(error)))
        except Exception as error:  # noqa: BLE001 - the boundary: whatever a library raises is no answer
            self._renew()
            none = translated(
                error,
                was_sending=self._deadline.sending,
                has_expired=self._deadline.expired,
                is_proxied=proxies is not None,
                timeout_seconds=timeout_seconds,
            )
            return self._masked(none)
        finally:
            self._deadline.finish()
            self._used = self._clock()

    def _masked(self, answer: HttpResult) -> HttpResult:
        match answer:
            case NoAnswer(failure, text):
                return NoAnswer(failure, self._line(text))
            case NotSent(reason):
                return NotSent(self._line(reason))
            case _:
                return answer

    def _line(self, text: str) -> str:
        return " ".join(self._mask(text).split())[:_LINE_CHARACTERS]

    def _fresh_session(self, url: str) -> "GuardedSession":
        now = self._clock()
        if now - self._made > RENEW_SECONDS or now - self._used > REUSE_SECONDS:
            self._renew()
        if self._session is None:
            from agent.http.tls import tls_context
            from agent.http.transport import GuardedSession

            secure = url.startswith("https:") or (self._proxy or "").startswith("https:")
            context = tls_context(self._tls) if secure else None
            self._session = GuardedSession(self._deadline, context, self._resolve)
            self._made = now
        return self._session

    def _prepared(
        self,
        session: "GuardedSession",
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> "PreparedRequest":
        known = (method, url, *headers.items())
        if known != self._known or self._request is None:
            from agent.http.plain_requests import Request

            own = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "sts-agent"}
            request = Request(method, url, headers={**own, **headers})
            self._known, self._request = known, session.prepare_request(request)
            self._request.headers = dict(self._request.headers)  # type: ignore[assignment]  # one that minds no case is asked slowly
        if body is not None:
            # Only the body is new: preparing all of it again costs as much as sending it.
            self._request.body = body
            self._request.headers["Content-Length"] = str(len(body))
        return self._request

    def _proxies(self, url: str) -> dict[str, str] | None:
        if not self._proxy:
            return None
        address = urlsplit(url)
        port = address.port or {"http": 80, "https": 443}.get(address.scheme)
        if is_exempt(address.hostname or "", port, self._no_proxy):
            return None
        return {"http": self._proxy, "https": self._proxy}

    def _read(self, answer: "DirectAnswer | KnownAnswer | Proxied") -> Answered:
        """Take status and headers as the answer, and of the body what comes of it in time."""
        try:
            content = answer.read(self._body_bytes)
            is_whole = len(content) < self._body_bytes
        except Exception:  # noqa: BLE001 - the answer stands without its body, the connection does not
            content, is_whole = b"", False
        text = content.decode(errors="replace")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        answered = Answered(
            status=answer.status,
            text=self._mask(text),
            is_html=_is_html(headers.get("content-type", ""), text),
            retry_after_seconds=parse_retry_after(headers.get("retry-after"), self._wall()),
            location=self._mask(headers.get("location", "")),
            headers={name: self._mask(value) for name, value in answer.headers.items()},
            content=content,
        )
        answer.close()
        if not is_whole:
            self._renew()
        return answered


def _is_html(content_type: str, text: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type:
        return media_type in {"text/html", "application/xhtml+xml"}
    return text.lstrip()[:14].lower().startswith(("<!doctype html", "<html"))
