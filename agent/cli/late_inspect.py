"""dataclasses without `inspect`, and the compiler's tree that brings, until something asks for them: 0.6 MiB of a daemon at rest.

dataclasses asks for the signature of a class that has no docstring, to write one. `inspect` itself is as ever for whoever imports it.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    def __getattr__(self, name: str) -> Any:
        return getattr(import_module("inspect"), name)


if not {"dataclasses", "inspect"} & sys.modules.keys():
    sys.modules["inspect"] = _Later("inspect")
    import dataclasses  # noqa: F401 - this first import of it is what finds the other

    del sys.modules["inspect"]
