"""Which hosts are reached without the proxy: `no_proxy` in every form that people write, and what is wrong with others.

    example.com  .example.com  *.example.com    the host, and every one below it
    10.0.0.0/8  fd00::/8                        addresses of a net
    10.1.2.3  ::1  [::1]                        an address
    any of the names and addresses with :port   that port alone
    *                                           everything

Case does not matter, nor does a dot at the end of a name. Pure.
"""

import re
from collections.abc import Iterable
from typing import Any

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_BRACKETED = re.compile(r"\[([0-9a-f:.]+)\](?::(\d+))?")
_WITH_PORT = re.compile(r"([^:]+):(\d+)")
_LAST_PORT = 65535


class Exemption(str):
    """One entry of `no_proxy`, in a form that can match."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> "Exemption":
        """Return it; raises `ValueError`, which never quotes it."""
        return cls(check_exemption(text))


def is_exempt(host: str, port: int | None, no_proxy: Iterable[str]) -> bool:
    """Return whether `host` at `port` is reached without the proxy; entries that say nothing exempt nothing."""
    return any(_exempts(entry, _plain(host.strip("[]")), port) for entry in no_proxy)


def check_exemption(entry: str) -> str:
    """Return an entry of `no_proxy` as it is; raises `ValueError` for one that could never match."""
    name, port = _parts(entry)
    if not (name == "*" or _is_network(name) or _NAME.fullmatch(_without_prefix(name))):
        raise ValueError(
            "must be a host, a domain, an address or a net, as example.com, *.example.com, [::1]:8080, 10.0.0.0/8"
        )
    if port is not None and not 0 < port <= _LAST_PORT:
        raise ValueError("has a port that is none")
    return entry


def _exempts(entry: str, host: str, port: int | None) -> bool:
    try:
        name, wanted_port = _parts(check_exemption(entry))
    except ValueError:
        return False
    if wanted_port is not None and wanted_port != port:
        return False
    if name == "*":
        return True
    if _is_network(name):
        return _is_network(host) and _is_within(_network(host), _network(name))
    domain = _without_prefix(name)
    return host == domain or host.endswith(f".{domain}")


def _parts(entry: str) -> tuple[str, int | None]:
    """Return name and port of an entry; an address of version 6 with a port stands in brackets."""
    text = _plain(entry.strip())
    found = _BRACKETED.fullmatch(text) or _WITH_PORT.fullmatch(text)
    if not found:
        return text, None
    return _plain(found[1]), int(found[2]) if found[2] else None


def _plain(name: str) -> str:
    plain = name.lower().removesuffix(".")
    return name if plain in ("", "*") else plain


def _without_prefix(name: str) -> str:
    return name.removeprefix("*").removeprefix(".") if name.startswith((".", "*.")) else name


def _is_within(host: Any, net: Any) -> bool:
    return bool(host.version == net.version and host.subnet_of(net))


def _is_network(text: str) -> bool:
    try:
        _network(text)
    except ValueError:
        return False
    return True


def _network(text: str) -> Any:
    """Return the net that is named, an address as the net of itself; raises `ValueError`."""
    from ipaddress import ip_network  # only where there are exemptions

    return ip_network(text, strict=False)
