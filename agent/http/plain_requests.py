"""requests without the packages by which it guesses the encoding of a text: 3 MiB for what nothing here asks.

They are hidden while requests is loaded, which takes that as it comes; whoever imports one later finds it.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_GUESSING = ("chardet", "charset_normalizer")


@contextmanager
def _without_guessing() -> Iterator[None]:
    hidden = [name for name in _GUESSING if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None says that a module is not to be had
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it cannot guess
            yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _without_guessing():
    from requests import PreparedRequest, Request, Response, Session
    from requests.adapters import HTTPAdapter
    from requests.utils import prepend_scheme_if_needed, select_proxy

__all__ = [
    "HTTPAdapter",
    "PreparedRequest",
    "Request",
    "Response",
    "Session",
    "prepend_scheme_if_needed",
    "select_proxy",
]
