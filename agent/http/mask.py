"""Credentials out of texts: the last thing that happens to every text that leaves a destination."""

import re
from urllib.parse import quote, quote_plus, unquote, urlsplit

_KEY_IN_URL = re.compile(r"(?i)(api_key=)[^&\s'\"]+")
_USERINFO = re.compile(r"(://)[^/@\s]+@")


class Mask:
    """Takes credentials out of texts; they are added as they come to be known."""

    def __init__(self) -> None:
        self._secrets: list[str] = []
        """The longest first: one may be a part of another."""

    def add(self, secret: str) -> None:
        """Never let this through again."""
        if secret and secret not in self._secrets:
            known = {*self._secrets, secret, quote(secret, safe=""), quote_plus(secret)}
            self._secrets = sorted(known, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without credentials."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        if "=" in text:
            text = _KEY_IN_URL.sub(r"\1***", text)
        return _USERINFO.sub(r"\1***@", text) if "@" in text else text


def mask_of(url: str) -> Mask:
    """Return what takes the password of a URL out of texts."""
    mask = Mask()
    password = urlsplit(url).password or ""
    for spelling in (password, unquote(password)):
        mask.add(spelling)
    return mask


def without_credentials(url: str) -> str:
    """Return the URL without user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
