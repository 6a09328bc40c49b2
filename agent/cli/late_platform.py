"""uuid without `platform`, which compiles what it searches other systems' names for, until something asks for that.

uuid asks it for the name of the system, and msgspec brings uuid. `platform` itself is as ever for whoever imports it.
"""

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    @staticmethod
    def system() -> str:
        return os.uname().sysname

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module("platform"), name)


if not {"platform", "uuid"} & sys.modules.keys():
    sys.modules["platform"] = _Later("platform")
    import uuid  # noqa: F401 - this first import of it is what finds the other

    del sys.modules["platform"]
