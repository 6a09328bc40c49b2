"""What a look at the host found, and what to do about it."""

from typing import Literal

import msgspec

Level = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True):
    """One line of the doctor's; `advice` says what to do unless all is well."""

    check: str
    level: Level
    text: str
    advice: str = ""
