"""Masking of one line, and of the pieces of one. Pure.

It knows what a line says by itself; what a line means by where it stands is decided in `redact`.
"""

import base64
import hashlib
import re
from collections.abc import Callable

from collectors._redaction.secrets import (
    ASSIGNED,
    AUTH,
    DES_HASH,
    EXPRESSIONS,
    HARMLESS,
    KINDS,
    LONG,
    MASKED,
    MAX_LINE,
    NAMED_INLINE,
    SCALAR,
    SHAPES,
    SPACED,
    VALUE,
    is_random,
    kind_of,
    may_hold_secrets,
)

Found = re.Match[str]


class LineRedactor:
    """Masks lines with one host's key."""

    def __init__(self, key: bytes) -> None:
        self._key = key[:64]

    def masked(self, value: str) -> str:
        """Return what stands for `value`: the same for the same value, and nothing else of it."""
        digest = hashlib.blake2b(value.encode("utf-8", "surrogateescape"), key=self._key, digest_size=6)
        return f"<masked:{digest.hexdigest()}>"

    def line(self, line: str) -> str:
        """Return one line masked."""
        if not may_hold_secrets(line):
            return line
        if len(line) > MAX_LINE:
            return self.masked(line)
        for expression in EXPRESSIONS:
            line = expression.sub(self._found, line)
        line = AUTH.sub(self._credentials, line)
        line = DES_HASH.sub(self._mixed, line)
        assigned = first_assignment(line)
        if assigned:
            line = line[: assigned.end("before")] + self.value(line[assigned.end("before") :])
        line = _outside_masks(line, lambda part: SHAPES.sub(lambda found: self.masked(found[0]), part))
        return _outside_masks(line, lambda part: LONG.sub(self._long, part))

    def pem(self, found: Found) -> str:
        """Mask what stands between the first and the last line of a PEM block."""
        inside = found["value"]
        indent = re.match(r"\n?([ \t]*)", inside)
        gap = "\n" + (indent[1] if indent else "") if "\n" in inside else ""
        return f"{found['first']}{gap}{self.masked(' '.join(inside.split()))}{gap}{found['last']}"

    def _found(self, found: Found) -> str:
        value = found["value"]
        return found["before"] + (value if MASKED.search(value) else self.masked(value))

    def _credentials(self, found: Found) -> str:
        """Mask what is `user:password` in base64."""
        value = found["value"]
        try:
            is_pair = b":" in base64.b64decode(value + "=" * (-len(value) % 4))[1:]
        except ValueError:
            is_pair = False
        return found["before"] + (self.masked(value) if is_pair else value)

    def _mixed(self, found: Found) -> str:
        """Mask what is a hash by its length, should it have digits, small letters and capitals."""
        kinds = {kind for character in found["value"] if (kind := kind_of(character))}
        return self._found(found) if len(kinds) == len(KINDS) else found[0]

    def named(self, line: str) -> str:
        """Mask the value of a line that another line names."""
        found = VALUE.match(line)
        if found is None:
            return line
        value, tag, rest = found["value"].partition("</")
        if tag:
            return f"{found['before']}{self.masked(value)}{tag}{rest}"
        return found["before"] + (value if opens_scalar(line) else self.value(value))

    def item(self, line: str) -> str:
        """Mask a line that is the value of the flag, or the key, on the line before."""
        entry = re.match(r"(\s*(?:[-:]\s+)?)(.*?)(\s*\\?)$", line, re.DOTALL)
        if entry is None or not entry[2] or entry[2].lstrip("\"'").startswith("-"):
            return self.line(line)
        return entry[1] + self.value(entry[2]) + entry[3]

    def inside_element(self, line: str) -> tuple[str, bool]:
        """Mask a line of text inside an element; return whether it goes on."""
        text, tag, rest = line.partition("</")
        return self.whole(text) + tag + rest, not tag

    def value(self, text: str) -> str:
        """Mask the value that `text` starts with; what follows a quoted one is looked at for itself."""
        if text[:1] in {"[", "{"}:
            return self._scalars(text)
        quoted = SCALAR.match(text)
        if quoted and quoted["quote"]:
            rest = text[quoted.end() :]
            if rest.lstrip()[:1] in {'"', "'", "+", ".", "&"}:  # more of the same value
                return self.masked(text)
            return self._scalar(quoted) + self.line(rest)
        value = text.rstrip().rstrip(",;")
        if value.lower() in HARMLESS or MASKED.fullmatch(value):
            return text
        return self.masked(value) + text[len(value) :]

    def _scalar(self, found: Found) -> str:
        if found["quote"] is None:
            bare = found["bare"]
            return bare if bare.lower() in HARMLESS or MASKED.search(bare) else self.masked(bare)
        inside = found["quoted"]
        return (
            found["quote"]
            + (self.masked(inside) if inside and not MASKED.fullmatch(inside) else inside)
            + found["quote"]
        )

    def _scalars(self, text: str) -> str:
        """Mask every scalar of a list or mapping written on one line, but for its keys."""
        out, at = "", 0
        for found in SCALAR.finditer(text):
            is_key = re.match(r"\s*[:=]", text[found.end() :]) is not None
            out += text[at : found.start()] + (found[0] if is_key else self._scalar(found))
            at = found.end()
        return out + text[at:]

    def inside(self, line: str) -> str:
        """Mask a line inside a block that belongs to a secret key: all but its indentation and keys."""
        entry = re.match(r"""(\s*(?:-\s+)?(?:["']?[\w.\-/]+["']?\s*[:=](?:\s+|$))?)(.*)""", line, re.DOTALL)
        if (
            entry is None
            or not entry[2].strip()
            or entry[2].strip() in {"{", "}", "[", "]", "},", "],", "|", ">"}
        ):
            return line
        return entry[1] + self.value(entry[2])

    def whole(self, line: str) -> str:
        """Mask all of a line but its indentation."""
        text = line.strip()
        return line.replace(text, self.masked(text)) if text and not MASKED.fullmatch(text) else line

    def _long(self, found: Found) -> str:
        return self.masked(found[0]) if is_random(found[0]) else found[0]


def first_assignment(line: str) -> Found | None:
    """Return the first place in a line where a secret key gets its value, which begins at the end of `before`."""
    found = [match for expression in (ASSIGNED, SPACED, NAMED_INLINE) if (match := expression.search(line))]
    return min(found, key=lambda match: match.end("before"), default=None)


def opens_scalar(line: str) -> bool:
    """Return whether a line of a value has the value on the lines below it, as YAML writes it."""
    found = VALUE.match(line)
    return found is not None and re.fullmatch(r"[|>][+\-0-9]*\s*", found["value"]) is not None


def _outside_masks(line: str, mask: Callable[[str], str]) -> str:
    if "<masked:" not in line:
        return mask(line)
    out, at = "", 0
    for found in MASKED.finditer(line):
        out += mask(line[at : found.start()]) + found[0]
        at = found.end()
    return out + mask(line[at:])
