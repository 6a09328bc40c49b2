"""requests and urllib3 without what they import for things that nothing here asks of them: 5 MiB of an agent at rest.

The packages by which requests guesses the encoding of a text are hidden while it is loaded, which it takes as it comes. Other modules are
loaded when something does ask: names in other scripts, files to be sent, proxies of the environment. Whoever imports one later finds it.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from collectors._later import later

_GUESSING = ("chardet", "charset_normalizer")
_ASKED_FOR_BY_OTHERS = (
    "calendar",
    "idna",
    "importlib.metadata",
    "mimetypes",
    "tempfile",
    "urllib.request",
    "zipfile",
)


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


with later(*_ASKED_FOR_BY_OTHERS), _without_guessing():
    from http.client import HTTPResponse

    from requests import PreparedRequest, Request, Session
    from requests.adapters import HTTPAdapter
    from requests.utils import prepend_scheme_if_needed, select_proxy
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

__all__ = [
    "HTTPAdapter",
    "HTTPConnection",
    "HTTPConnectionPool",
    "HTTPResponse",
    "HTTPSConnection",
    "HTTPSConnectionPool",
    "PreparedRequest",
    "Request",
    "Session",
    "prepend_scheme_if_needed",
    "select_proxy",
]
