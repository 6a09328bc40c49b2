"""Values that change, by their names: what a dataclass is, which is text that is compiled at each start."""

from collections.abc import Callable
from typing import Any, TypeVar, cast, dataclass_transform

T = TypeVar("T")


class _AtFirst:
    """Makes what a value is at first, anew for each."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def at_first(*, default_factory: Callable[[], T]) -> T:
    """Return what stands for a value that is made anew for each object."""
    return cast("T", _AtFirst(default_factory))


@dataclass_transform(field_specifiers=(at_first,))
class Named:
    """A base: each annotation of the class that derives is a value, what it is set to is its default."""

    def __init__(self, *values: Any, **named: Any) -> None:
        """Take the values in their order or by name; raises TypeError for one that is missing, or that there is not."""
        names = self._names()
        given = dict(zip(names, values, strict=False)) | named
        if len(values) > len(names) or not given.keys() <= set(names):
            raise TypeError(f"{type(self).__name__} has no such values: {sorted(given.keys() - set(names))}")
        for name in names:
            self.__dict__[name] = given[name] if name in given else self._default(name)

    @classmethod
    def _names(cls) -> tuple[str, ...]:
        return tuple(cls.__annotations__)

    def _default(self, name: str) -> Any:
        try:
            default = getattr(type(self), name)
        except AttributeError:
            raise TypeError(f"{type(self).__name__} lacks {name}") from None
        return default.make() if isinstance(default, _AtFirst) else default

    def values(self) -> dict[str, Any]:
        """Return all of them by name, as they are."""
        return dict(self.__dict__)
