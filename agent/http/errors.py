"""Foreign exceptions as values: what requests, urllib3, ssl and the resolver raise, in a few words of our own.

The outer exceptions print whole URLs, so the innermost one is asked. The caller masks what comes out.
"""

import re
import socket

from agent.http.result import Failure, HttpResult, NoAnswer, NotSent

_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})\s*(.*)")


class ClientError(Exception):
    """Something on this side keeps a request from being made; `hint` says what to do."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(f"{problem} ({hint})" if hint else problem)
        self.problem = problem
        self.hint = hint


def translated(
    error: BaseException, *, was_sending: bool, has_expired: bool, is_proxied: bool, timeout_seconds: float
) -> HttpResult:
    """Return what an exception during a request means."""
    import ssl  # comes with the first request

    cause = _innermost(error)
    refused = _TUNNEL_REFUSED.search(str(cause))
    if refused and not refused[1].startswith("5"):
        return NotSent(f"the proxy refuses: {refused[1]} {refused[2]}".strip())
    through = " (through the proxy)" if is_proxied and not was_sending else ""
    if has_expired or isinstance(cause, TimeoutError):
        seconds = f"{round(timeout_seconds, 1):g} s"
        if was_sending:
            return NoAnswer(Failure.DEADLINE, f"no whole answer within {seconds}")
        return NoAnswer(Failure.UNREACHABLE, f"no connection within {seconds}{through}")
    text = _words(cause) + through
    if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError) and was_sending:
        return NoAnswer(Failure.CUT, text)
    if isinstance(cause, ssl.SSLError):
        return NoAnswer(Failure.TLS, text)
    return NoAnswer(Failure.CUT if was_sending else Failure.UNREACHABLE, text)


_NO_TLS = {"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}
"""What versions of OpenSSL say of an answer that is no TLS, as of a port for HTTP."""


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
    import ssl
    from http.client import BadStatusLine

    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        none_is_spoken = "none is spoken there: " if error.reason in _NO_TLS else ""
        return f"TLS: {none_is_spoken}{error.reason or error}"
    if isinstance(error, socket.gaierror):
        return f"name not found: {error.strerror}"
    if isinstance(error, BadStatusLine) and not isinstance(error, ConnectionError):
        return f"no HTTP answer: {error}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
