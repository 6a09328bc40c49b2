"""Values that are written as one scalar and mean more than text: secrets, addresses, ports.

Each has a `parse` that raises `ValueError` with what it must be; no message ever quotes a value, since
any of them may hold a credential.
"""

import re
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

import msgspec

from agent.configuration.named_file import (
    must_be_credential,
    must_hold_certificates,
    must_hold_credential,
    must_hold_private_key,
    must_hold_token,
)

Tag = Annotated[str, msgspec.Meta(pattern=r"^[^:]+:", description="a tag `key:value`, as env:prod")]
Tags = Annotated[tuple[Tag, ...], msgspec.Meta(extra={"may_be_empty": True})]
Identifier = Annotated[str, msgspec.Meta(min_length=1, description="an identifier, as urn:component:/nginx")]
Identifiers = Annotated[tuple[Identifier, ...], msgspec.Meta(extra={"may_be_empty": True})]
KeyFile = Annotated[Path, msgspec.Meta(extra={"must_exist": True, "holds": must_hold_credential})]
TokenFile = Annotated[Path, msgspec.Meta(extra={"must_exist": True, "holds": must_hold_token})]
Certificates = Annotated[Path, msgspec.Meta(extra={"must_exist": True, "holds": must_hold_certificates})]
PrivateKey = Annotated[Path, msgspec.Meta(extra={"must_exist": True, "holds": must_hold_private_key})]
"""Files that `check` wants to read, and to hold that; the daemon starts without them and looks again."""


class Secret:
    """A value that must never be shown: only `reveal` gives it, nothing else prints, copies or encodes it.

    Not a `str`, so that json, a log line, `+` and a traceback of locals cannot spell it by accident.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    @classmethod
    def parse(cls, text: str) -> "Secret":
        """Return `text` as a secret; raises `ValueError`, which never quotes it."""
        if not text.strip() or not text.isprintable():
            raise ValueError(
                "is empty" if not text.strip() else "holds a character that no key has, as a line break"
            )
        return cls(text)

    def reveal(self) -> str:
        """Return the value itself, for the one place that sends it."""
        return self._value


def _must_be_key(value: Secret) -> None:
    must_be_credential(value.reveal().strip())


Key = Annotated[Secret, msgspec.Meta(extra={"rule": _must_be_key})]
"""A key or token as it is sent."""


class Url(str):
    """An address with scheme and host; `repr` hides what it may hold of a secret, `str` does not."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> "Url":
        """Return `text` as an address of http or https; raises `ValueError`, which never quotes it."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError("is no URL: its host or its port cannot be read") from None
        if parts.scheme not in ("http", "https"):
            raise ValueError("must be a URL that begins with https:// or http://")
        if not host or re.search(r"[\s\x00-\x1f]", text):
            raise ValueError("is no URL: it has no host, or a space in it")
        if port == 0:
            raise ValueError("is no URL: nothing listens at port 0")
        return cls(text)

    def masked(self) -> str:
        """Return the address without password, and without the value of any query or fragment."""
        masked = re.sub(r"//[^/?#]*@", "//***@", str(self), count=1)
        return re.sub(r"=[^&#]*", "=***", re.sub(r"#.*", "#***", masked))

    def __repr__(self) -> str:
        return f"Url({self.masked()!r})"


class Loopback(str):
    """A port on this host alone, as `127.0.0.1:7078` or `[::1]:7078`."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> "Loopback":
        """Return `text` as such a port; raises `ValueError` for one that other hosts could reach."""
        host = _host_of(text)
        if not host:
            raise ValueError("must be an address and a port, as 127.0.0.1:7078")
        if not _is_loopback(host):
            raise ValueError("must be an address of the loopback, as 127.0.0.1: others must not reach it")
        return cls(text)


class ListenAddress(str):
    """An address of this host and a port, as `127.0.0.1:9464`, `[::1]:9464` or `0.0.0.0:9464` for every address."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> "ListenAddress":
        """Return `text` as such an address; raises `ValueError`, which never quotes it."""
        from ipaddress import ip_address

        try:
            if (host := _host_of(text)) != "localhost":
                ip_address(host)
        except ValueError:
            raise ValueError("must be an address and a port, as 127.0.0.1:9464") from None
        return cls(text)

    @property
    def is_loopback(self) -> bool:
        """Whether programs of this host alone can reach it."""
        return _is_loopback(_host_of(self))


def _host_of(text: str) -> str:
    """Return the host of a host and a port; empty for what is not both and nothing else."""
    try:
        parts = urlsplit(f"//{text}")
        is_one = bool(parts.port) and parts.netloc == text
    except ValueError:
        return ""
    return (parts.hostname or "") if is_one else ""


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
