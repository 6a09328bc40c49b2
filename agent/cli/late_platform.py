"""uuid without `platform`, which compiles what it searches other systems' names for, until something asks for that.

uuid asks it for the name of the system, and msgspec brings uuid.
"""

import os

from agent.cli.first_import import Later, import_beside


class _Platform(Later):
    @staticmethod
    def system() -> str:
        return os.uname().sysname


import_beside(_Platform("platform"), "uuid")
