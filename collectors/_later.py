"""Modules that a library imports for what nothing here asks of it: not loaded with it, but when something does ask.

`later` puts a stand-in in the place of each while the library is loaded, and takes it away again: whoever imports one after that has
the module itself. What the library takes from a stand-in by name is a function of it, or stays unused: so none may be named of
which the library uses a class or a value while it is loaded.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_ONE_AT_A_TIME = threading.RLock()
"""What one library does without for now, another that is loaded at the same time may need."""


@contextmanager
def later(*names: str) -> Iterator[None]:
    """Have these modules, unless they are there, stood in for until the end of the block."""
    with _ONE_AT_A_TIME:
        stand_ins = [_Later(name) for name in names if name not in sys.modules]
        try:
            for one in stand_ins:
                sys.modules[one.__name__] = one
            yield
        finally:
            for one in stand_ins:
                one.give_way()


@contextmanager
def without_stand_ins() -> Iterator[None]:
    """Have nothing stood in for while modules are loaded in the block: of those nobody knows what they need."""
    with _ONE_AT_A_TIME:
        yield


@contextmanager
def bare_package(name: str) -> Iterator[None]:
    """Have modules of a package loaded in the block, one by one, while its own code has not run.

    That runs when something else of the package is asked for, which then has the same modules.
    """
    with _ONE_AT_A_TIME:
        spec = None if name in sys.modules else PathFinder.find_spec(name)
        if spec is not None:
            sys.modules[name] = _Bare(spec)
        yield


class _Bare(ModuleType):
    """Stands for a package until it is asked for something that it does not have yet."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__, self.__loader__, self.__file__ = spec, spec.loader, spec.origin
        self.__path__ = spec.submodule_search_locations or []
        self._is_running = False

    def __getattr__(self, name: str) -> Any:
        with _ONE_AT_A_TIME:
            if isinstance(self, _Bare):
                self._run(name)
        return getattr(self, name)

    def _run(self, name: str) -> None:
        loader = self.__spec__.loader if self.__spec__ else None
        if self._is_running or loader is None:  # its own code asks, for what it does not have either
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        self._is_running = True
        try:
            loader.exec_module(self)
            self.__class__ = ModuleType  # type: ignore[assignment]  # a package like any other from now on
        finally:
            self._is_running = False


class _Later(ModuleType):
    """Stands for a module until it is asked for something."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.is_over = False

    def give_way(self) -> None:
        """Let whoever imports the module from now on have it."""
        self.is_over = True
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._of_module(name) if self.is_over else self._called_later(name)

    def _of_module(self, name: str) -> Any:
        self.give_way()
        return getattr(import_module(self.__name__), name)

    def _called_later(self, name: str) -> type[Any]:
        """Return what calls a function of the module; a class, since libraries also derive from what they import."""

        def call(_: type[Any], *arguments: Any, **options: Any) -> Any:
            return self._of_module(name)(*arguments, **options)

        return type(name, (), {"__new__": call, "__module__": self.__name__})
