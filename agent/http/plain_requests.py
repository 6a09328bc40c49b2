"""requests without what nothing here asks of it: 3 MiB by which it guesses the encoding of a text, 1.6 by which urllib3 would find which h2 there is.

They are hidden while requests is loaded, which takes that as it comes; whoever imports one later finds it.
"""

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_GUESSING = ("chardet", "charset_normalizer")
_METADATA = "importlib.metadata"


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


@contextmanager
def _without_metadata() -> Iterator[None]:
    """Lend a stand-in for what reads the metadata of packages, which loads it when it is asked something."""
    if _METADATA in sys.modules:
        yield
        return
    stand_in = ModuleType(_METADATA)
    stand_in.version = _version  # type: ignore[attr-defined]  # a module has what it is given
    stand_in.__path__ = [f"{place}/metadata" for place in importlib.__path__]
    stand_in.__getattr__ = _in_full  # type: ignore[method-assign]  # called with the name alone, as PEP 562 says
    sys.modules[_METADATA] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(_METADATA) is stand_in:
            del sys.modules[_METADATA]


def _version(package: str) -> str:
    return str(_in_full("version")(package))


def _in_full(name: str) -> Any:
    """Load the real module in place of the stand-in; return what it has under this name."""
    if name.startswith("__"):  # an import asks for some that not every module has
        raise AttributeError(name)
    if vars(sys.modules.get(_METADATA, sys)).get("version") is _version:
        del sys.modules[_METADATA]
    return getattr(importlib.import_module(_METADATA), name)


with _without_guessing(), _without_metadata():
    from requests import PreparedRequest, Request, Response, Session
    from requests.adapters import HTTPAdapter
    from requests.utils import prepend_scheme_if_needed, select_proxy
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

__all__ = [
    "HTTPAdapter",
    "HTTPConnection",
    "HTTPConnectionPool",
    "HTTPSConnection",
    "HTTPSConnectionPool",
    "PreparedRequest",
    "Request",
    "Response",
    "Session",
    "prepend_scheme_if_needed",
    "select_proxy",
]
