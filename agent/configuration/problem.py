"""What is wrong with a configuration, each problem with the place where it has to be fixed.

Never holds the value of a secret: problems are printed, logged and sent.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing to fix; `file` is a path, or `$NAME` for an environment variable."""

    file: str
    line: int
    key: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: "
        return f"{place}{self.key}: {self.text}" if self.key else place + self.text


class ConfigurationError(Exception):
    """The configuration is not usable; `problems` holds all that is wrong with it, in file and line order."""

    hint = "fix the problems listed above, then run `sts-agent check`"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))
