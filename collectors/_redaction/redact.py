"""Masking: what may be told of a configuration's text. Pure: text in, text out.

A masked value becomes `<masked:…>` with a keyed hash of it, so that a changed secret shows as changed
and no more; the key is made on this host and never leaves it. What looks like a secret is masked rather
than not: a diff that hides too much is a nuisance, one that shows too much is an incident.
"""

import re
from collections.abc import Iterator, Sequence

from collectors._redaction.line import LineRedactor, first_assignment, opens_scalar
from collectors._redaction.secrets import (
    ARGUMENT,
    ASSIGNED,
    BLOCK,
    ELEMENT_OPENS,
    KUBERNETES_SECRET,
    NAME,
    NAMED,
    PEM,
    VALUE,
    may_hold_secrets,
)

_NEAR = 4
"""A value stands within so many lines of its name."""
_ARGUMENT_STARTS = frozenset("-?\"'")
_ENTRY = re.compile(r"""\s*(?:[-#;<}\])]|["']?[\w.\-$/]+["']?\s*[:=])""")


class Redactor:
    """Masks text with one host's key."""

    def __init__(self, key: bytes) -> None:
        self._line = LineRedactor(key)

    def masked(self, value: str) -> str:
        """Return what stands for `value`: the same for the same value, and nothing else of it."""
        return self._line.masked(value)

    def mask(self, text: str) -> str:
        """Return `text` without what looks like a secret; lines stay lines, but for those inside a PEM block."""
        if not may_hold_secrets(text):
            return text
        if "-----BEGIN " in text:
            text = PEM.sub(self._line.pem, text)
        lines = text.split("\n")
        walk = _Walk(self._line, lines, is_kubernetes_secret=bool(KUBERNETES_SECRET.search(text)))
        return "\n".join([walk.step(index, line) for index, line in enumerate(lines)])


class _Walk:
    """A walk over the lines of one text, which knows what the lines before have opened."""

    def __init__(self, mask: LineRedactor, lines: Sequence[str], *, is_kubernetes_secret: bool) -> None:
        self._mask = mask
        self._is_kubernetes_secret = is_kubernetes_secret
        self._named = frozenset(_named_values(lines))
        self._quote = ""
        """The quote that a value has opened."""
        self._block: int | None = None
        """How deep the key stands that a block belongs to."""
        self._folded: int | None = None
        """How deep the key stands whose value may go on."""
        self._is_element = self._is_argument = self._continues = False

    def step(self, index: int, line: str) -> str:
        """Return the next line masked."""
        held = self._held(line)
        if held is not None:
            return held
        if self._opens_block(line):
            return line
        if index in self._named:
            self._block = _indent(line) if opens_scalar(line) else None
            return self._mask.named(line)
        return self._free(line)

    def _held(self, line: str) -> str | None:
        """Mask a line that lies inside something; None when it does not."""
        if self._quote:
            self._quote = "" if self._quote in line else self._quote
            return self._mask.whole(line)
        if self._is_element:
            masked, self._is_element = self._mask.inside_element(line)
            return masked
        if self._block is not None and not _ends_block(line, self._block):
            return self._mask.inside(line)
        return None

    def _opens_block(self, line: str) -> bool:
        opens = BLOCK.match(line) if ":" in line or "=" in line else None
        is_secret = opens is not None and (bool(opens["secret"]) or self._is_kubernetes_secret)
        self._block = len(opens["indent"]) if opens is not None and is_secret else None
        return is_secret

    def _free(self, line: str) -> str:
        if self._folded is not None and _is_folded(line, self._folded):
            return self._mask.whole(line)
        if self._is_argument:
            masked = self._mask.item(line)
        else:
            masked = self._mask.whole(line) if self._continues else self._mask.line(line)
        has_secret = masked != line
        is_value = self._is_argument
        self._is_argument = line.lstrip()[:1] in _ARGUMENT_STARTS and ARGUMENT.match(line) is not None
        self._continues = (
            line.endswith("\\")
            and not (is_value or self._is_argument)
            and (self._continues or has_secret or first_assignment(line) is not None)
        )
        self._quote = _left_open(line) if has_secret else ""
        self._is_element = "<" in line and ELEMENT_OPENS.match(line) is not None
        self._folded = _indent(line) if has_secret and _may_fold(line) else None
        return masked


def _named_values(lines: Sequence[str]) -> Iterator[int]:
    """Yield the lines of values that a line above or below them names: `name: DB_PASSWORD`, `value: …`."""
    for index, line in enumerate(lines):
        if not NAMED.match(line):
            continue
        below = lines[index + 1 : index + 1 + _NEAR]
        for other, text in enumerate(below, index + 1):
            if VALUE.match(text) and not text.lstrip().startswith("- "):
                yield other
            elif text.strip() and not NAME.match(text) and text.lstrip()[0] not in "-}]":
                continue
            break
        above = lines[max(0, index - _NEAR) : index] if not line.lstrip().startswith("- ") else []
        for distance, text in enumerate(reversed(above), 1):
            if VALUE.match(text):
                yield index - distance
            elif text.strip() and not NAME.match(text) and text.lstrip()[0] not in "-{}[]":
                continue
            break


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _may_fold(line: str) -> bool:
    """Return whether the value of a line may go on, deeper, on the next: a plain scalar of YAML or an INI file."""
    assigned = ASSIGNED.search(line)
    value = line[assigned.end("before") :].rstrip() if assigned else ""
    return bool(value) and value[0] not in "\"'[{(|>" and value[-1] not in ",;{[(\\"


def _is_folded(line: str, indent: int) -> bool:
    return bool(line.strip()) and _indent(line) > indent and not _ENTRY.match(line)


def _left_open(line: str) -> str:
    """Return the quote that a secret's value opens and does not close on its line."""
    assigned = first_assignment(line)
    value = line[assigned.end("before") :] if assigned else ""
    for quote in ('"""', "'''", '"', "'"):
        if value.startswith(quote):
            return "" if quote in value[len(quote) :] else quote
    return ""


def _ends_block(line: str, indent: int) -> bool:
    text = line.lstrip()
    depth = len(line) - len(text)
    return bool(text) and depth <= indent and not (depth == indent and text.startswith(("- ", "}", "]")))
