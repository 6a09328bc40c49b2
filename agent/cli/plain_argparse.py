"""argparse without gettext and the locale that brings: a tenth of a quick command.

argparse asks gettext for each of its words, which looks for translations on the disk; no Python comes with any. gettext itself is as
ever for whoever imports it.
"""

import sys
from types import ModuleType


class _AsWritten(ModuleType):
    @staticmethod
    def gettext(message: str) -> str:
        return message

    @staticmethod
    def ngettext(one: str, several: str, count: int) -> str:
        return one if count == 1 else several


_stands_in = not {"argparse", "gettext"} & sys.modules.keys()
if _stands_in:
    sys.modules["gettext"] = _AsWritten("gettext")
try:
    from argparse import SUPPRESS, Action, ArgumentParser, HelpFormatter, Namespace, _SubParsersAction
finally:
    if _stands_in:
        del sys.modules["gettext"]

__all__ = ["SUPPRESS", "Action", "ArgumentParser", "HelpFormatter", "Namespace", "_SubParsersAction"]
