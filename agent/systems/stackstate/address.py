"""A StackState receiver's address as people paste it: with /intake, a last slash, ?api_key=. Pure."""

import re
from urllib.parse import parse_qsl, urlsplit

import msgspec

from agent.configuration.types import Secret
from agent.delivery.destination import DestinationError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ENDINGS = re.compile(r"(/+intake)?/*$")


class Address(msgspec.Struct, frozen=True):
    """Where a receiver is: an URL that ends in /stsAgent, and the key that was pasted with it."""

    url: str
    api_key: Secret | None = None

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
    return Address(f"{scheme}://{userinfo}{at}{host}{where}{path}", Secret(key) if key else None)
