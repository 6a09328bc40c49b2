"""Values that another line names: `name: DB_PASSWORD` above or below `value: …`. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence

from collectors._redaction.cursor import Scanned
from collectors._redaction.secrets import MAX_LINE
from collectors._redaction.tokens import body_of

_NEAR = 4
"""A value stands within so many lines of its name."""
VALUE = re.compile(
    r"""(?:-\s++)?(?:["']?(?:value|default|parametervalue|content)["']?\s*+[:=]\s*+|<[\w\-]{0,40}?(?:value|string|data)>)(?P<value>\S.*+)""",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"""(?:-\s++)?(?:["']?(?:name|key|variable|parameterkey)["']?\s*+[:=]|variable\s|<[\w\-]{0,40}?(?:name|key)>)""",
    re.IGNORECASE,
)


def named_values(lines: Sequence[str], scans: Mapping[int, Scanned]) -> Iterator[int]:
    """Yield the lines of values that a line above or below them names: `name: DB_PASSWORD`, `value: …`."""
    for index, scanned in scans.items():
        if not scanned.is_naming:
            continue
        for other in range(index + 1, min(index + 1 + _NEAR, len(lines))):
            text = _text(lines[other])
            if VALUE.match(text) and not text.startswith("- "):
                yield other
            elif text and not _NAME.match(text) and text[0] not in "-}]":
                continue
            break
        if _text(lines[index]).startswith("- "):
            continue
        for other in range(index - 1, max(-1, index - 1 - _NEAR), -1):
            text = _text(lines[other])
            if VALUE.match(text):
                yield other
            elif text and not _NAME.match(text) and text[0] not in "-{}[]":
                continue
            break


def _text(line: str) -> str:
    return line[body_of(line).start :].strip() if len(line) <= MAX_LINE else "x"
