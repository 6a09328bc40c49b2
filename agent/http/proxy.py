"""Which hosts are reached without the proxy, as `no_proxy` is written everywhere: names, domains, nets, ports."""

from collections.abc import Iterable


def is_exempt(host: str, port: int | None, no_proxy: Iterable[str]) -> bool:
    """Return whether `host` is reached without the proxy: named, below a named domain, or in a named net."""
    import ipaddress  # only where there is a proxy with exceptions

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
