"""One POST under a total deadline, its answer as a value, and no credential in anything that comes out.

The boundary where foreign exceptions end: whatever requests, urllib3, ssl or the resolver raise becomes a
`NoAnswer` with one masked line. A session is renewed after a failure, and every few minutes so that
a name that moved is looked up again.
"""

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, urlsplit

from agent.configuration.types import Tls
from agent.destinations.deadline import Deadline
from agent.destinations.destination import Answer, DestinationError, Failure, NoAnswer, NotSent, Response
from agent.destinations.retry_after import parse_retry_after
from agent.destinations.tls import tls_context

if TYPE_CHECKING:  # loaded with the first request
    import requests

RENEW_SECONDS = 180.0
REUSE_SECONDS = 4.0
"""A connection idle for longer may be closed by the other side at the very moment we use it."""

_BODY_BYTES = 16 * 1024
_BODY_SECONDS = 5.0
_WORDS_CHARACTERS = 300
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})\s*(.*)")
_KEY_IN_URL = re.compile(r"(?i)(api_key=)[^&\s'\"]+")
_USERINFO = re.compile(r"(://)[^/@\s]+@")


class Mask:
    """Takes credentials out of texts; they are added as they come to be known."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def add(self, secret: str) -> None:
        """Never let this through again."""
        if secret:
            self._secrets |= {secret, quote(secret, safe=""), quote_plus(secret)}

    def __call__(self, text: str) -> str:
        """Return the text without credentials."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return _USERINFO.sub(r"\1***@", _KEY_IN_URL.sub(r"\1***", text))


class Http:
    """Makes requests for one destination, one at a time; `shorten` and `close` may come from any thread."""

    def __init__(
        self,
        *,
        tls: Tls,
        proxy: str | None = None,
        no_proxy: Iterable[str] = (),
        mask: Mask,
        resolve: Callable[..., list[Any]] = socket.getaddrinfo,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._tls = tls
        self._proxy = proxy
        self._no_proxy = tuple(no_proxy)
        self._mask = mask
        self._resolve = resolve
        self._clock = clock
        self._wall = wall
        self._deadline = Deadline(clock)
        self._session: requests.Session | None = None
        self._made = self._used = 0.0
        if proxy:
            mask.add(urlsplit(proxy).password or "")

    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> Answer:
        """POST once; returns within the time, whatever the other side does."""
        return self._exchange("POST", url, body, headers, timeout_seconds)

    def get(self, url: str, headers: Mapping[str, str], timeout_seconds: float) -> Answer:
        """GET once, as `post`."""
        return self._exchange("GET", url, None, headers, timeout_seconds)

    def shorten(self, seconds: float) -> None:
        """Leave a request that is under way at most so many seconds more."""
        self._deadline.shorten(seconds)

    def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout_seconds: float
    ) -> Answer:
        self._deadline.start(timeout_seconds)
        try:
            session = self._fresh_session(url)
            request = self._prepared(session, method, url, body, headers)
            # The adapter, not the session: that would read the whole body of a redirect.
            response = session.get_adapter(url).send(
                request, stream=True, timeout=timeout_seconds, proxies=self._proxies(url)
            )
            if self._deadline.expired:  # we ended the connection: what looks like the end of a header is not
                raise TimeoutError  # noqa: TRY301 - translated below as any other
            return self._read(response)
        except DestinationError as error:
            return NotSent(self._mask(str(error)))
        except Exception as error:  # noqa: BLE001 - the boundary: whatever a library raises is no answer
            self.close()
            return self._translated(error, timeout_seconds)
        finally:
            self._deadline.finish()
            self._used = self._clock()

    def _fresh_session(self, url: str) -> "requests.Session":
        now = self._clock()
        if now - self._made > RENEW_SECONDS or now - self._used > REUSE_SECONDS:
            self.close()
        if self._session is None:
            from agent.destinations.transport import new_session

            secure = url.startswith("https:") or (self._proxy or "").startswith("https:")
            context = tls_context(self._tls) if secure else None
            self._session = new_session(self._deadline, context, self._resolve)
            self._made = now
        return self._session

    def _prepared(
        self,
        session: "requests.Session",
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> "requests.PreparedRequest":
        import requests

        own = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "sts-agent"}
        return session.prepare_request(requests.Request(method, url, data=body, headers={**own, **headers}))

    def _proxies(self, url: str) -> dict[str, str] | None:
        address = urlsplit(url)
        if not self._proxy or is_exempt(address.hostname or "", address.port, self._no_proxy):
            return None
        return {"http": self._proxy, "https": self._proxy}

    def _read(self, response: "requests.Response") -> Response:
        """Take status and headers as the answer, and of the body what comes of it soon."""
        self._deadline.shorten(_BODY_SECONDS)
        try:
            content = response.raw.read(_BODY_BYTES, decode_content=False)
            is_whole = len(content) < _BODY_BYTES
        except Exception:  # noqa: BLE001 - the answer stands without its body, the connection does not
            content, is_whole = b"", False
        text = content.decode(errors="replace")
        answer = Response(
            status=response.status_code,
            text=self._mask(text),
            is_html=_is_html(response.headers.get("Content-Type", ""), text),
            retry_after_seconds=parse_retry_after(response.headers.get("Retry-After"), self._wall()),
            location=self._mask(response.headers.get("Location", "")),
        )
        response.close()
        if not is_whole:
            self.close()
        return answer

    def _translated(self, error: Exception, timeout_seconds: float) -> Answer:
        cause = _innermost(error)
        refused = _TUNNEL_REFUSED.search(str(cause))
        if refused and not refused[1].startswith("5"):
            return NotSent(self._mask(f"the proxy refuses: {refused[1]} {refused[2]}".strip()))
        through = " (through the proxy)" if self._proxy and not self._deadline.sending else ""
        text = " ".join(self._mask(_words(cause)).split())[:_WORDS_CHARACTERS] + through
        if self._deadline.expired or isinstance(cause, TimeoutError):
            seconds = f"{round(timeout_seconds, 1):g} s"
            if self._deadline.sending:
                return NoAnswer(Failure.DEADLINE, f"no whole answer within {seconds}")
            return NoAnswer(Failure.UNREACHABLE, f"no connection within {seconds}{through}")
        if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError) and self._deadline.sending:
            return NoAnswer(Failure.CUT, text)
        if isinstance(cause, ssl.SSLError):
            return NoAnswer(Failure.TLS, text)
        return NoAnswer(Failure.CUT if self._deadline.sending else Failure.UNREACHABLE, text)


def is_exempt(host: str, port: int | None, no_proxy: Iterable[str]) -> bool:
    """Return whether `host` is reached without the proxy: named, below a named domain, or in a named net."""
    import ipaddress

    for entry in no_proxy:
        name, _, wanted_port = (
            entry.strip().lower().partition(":") if entry.count(":") == 1 else (entry, "", "")
        )
        if wanted_port and wanted_port != str(port):
            continue
        if name == "*" or (name and (host == name.lstrip(".") or host.endswith("." + name.lstrip(".")))):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False):
                return True
        except ValueError:
            pass  # one of them is a name
    return False


def _innermost(error: BaseException) -> BaseException:
    """Return what really happened: the outer ones of urllib3 and requests print the whole URL."""
    from http.client import HTTPException

    seen: set[int] = set()
    while id(error) not in seen and not isinstance(error, HTTPException):
        seen.add(id(error))
        reason = getattr(error, "reason", None)
        first = error.args[0] if error.args else None
        for inner in (reason, first, *error.args[1:2], error.__cause__, error.__context__):
            if isinstance(inner, BaseException):
                error = inner
                break
    return error


def _words(error: BaseException) -> str:
    from http.client import BadStatusLine

    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    if isinstance(error, socket.gaierror):
        return f"name not found: {error.strerror}"
    if isinstance(error, BadStatusLine) and not isinstance(error, ConnectionError):
        return f"no HTTP answer: {error}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _is_html(content_type: str, text: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type:
        return media_type in {"text/html", "application/xhtml+xml"}
    return text.lstrip()[:14].lower().startswith(("<!doctype html", "<html"))
