"""The first import of a module while another that it would load stands aside: for what a command hardly ever asks of that other one."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class Later(ModuleType):
    """Stands for a module, and loads it when something is asked of it after all."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


def import_beside(stand_in: ModuleType, name: str) -> None:
    """Import `name` with `stand_in` in the place of the module of its name; whoever imports that itself has it as ever.

    Nothing stands in where one of the two is loaded already.
    """
    if {name, stand_in.__name__} & sys.modules.keys():
        return
    sys.modules[stand_in.__name__] = stand_in
    try:
        import_module(name)
    finally:
        del sys.modules[stand_in.__name__]
