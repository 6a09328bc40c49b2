"""argparse without gettext and the locale that brings: a tenth of a quick command.

argparse asks gettext for each of its words, which looks for translations on the disk; no Python comes with any.
"""

from types import ModuleType

from agent.cli.first_import import import_beside


class _AsWritten(ModuleType):
    @staticmethod
    def gettext(message: str) -> str:
        return message

    @staticmethod
    def ngettext(one: str, several: str, count: int) -> str:
        return one if count == 1 else several


import_beside(_AsWritten("gettext"), "argparse")
from argparse import (  # noqa: E402 - after that
    SUPPRESS,
    Action,
    ArgumentParser,
    ArgumentTypeError,
    HelpFormatter,
    Namespace,
    _SubParsersAction,
)

__all__ = [
    "SUPPRESS",
    "Action",
    "ArgumentParser",
    "ArgumentTypeError",
    "HelpFormatter",
    "Namespace",
    "_SubParsersAction",
]
