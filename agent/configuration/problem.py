"""What is wrong with a configuration, each problem with the place where it has to be fixed.

Never holds the value of a secret: problems are printed, logged and sent.
"""

from collections.abc import Iterable
from typing import NamedTuple

from collectors._portable import printable


class Problem(NamedTuple):
    """One thing to fix; `file` is a path, or `$NAME` for an environment variable."""

    file: str
    line: int
    key: str
    text: str
    column: int = 1
    hint: str = ""
    """What to do, with the sign that joins it to the text; empty where the text says it."""

    def __str__(self) -> str:
        """Return it as one line, whatever a file or a key is called."""
        place = f"{self.file}:{self.line}: "
        told = self.text + self.hint
        return printable(f"{place}{self.key}: {told}" if self.key else place + told)

    def as_json(self) -> dict[str, str | int]:
        """Return it for programs."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "key": self.key,
            "message": self.text,
            "hint": self.hint.lstrip(";: "),
        }


class ConfigurationError(Exception):
    """The configuration is not usable; `problems` holds all that is wrong with it, in file and line order."""

    hint = "fix the problems listed above, then run `sts-agent check`"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))
