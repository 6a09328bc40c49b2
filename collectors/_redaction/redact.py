"""Masking: what may be told of a configuration's text. Pure: text in, text out.

A masked value becomes `<masked:…>` with a keyed hash of it, so that a changed secret shows as changed
and no more; the key is made on this host and never leaves it. What looks like a secret is masked rather
than not: a diff that hides too much is a nuisance, one that shows too much is an incident.
"""

import hashlib
import re
from collections.abc import Callable

from collectors._redaction.secrets import (
    ASSIGNED,
    BLOCK,
    ELEMENT,
    HARMLESS,
    KUBERNETES_SECRET,
    LONG,
    MASKED,
    MAX_LINE,
    PEM,
    SCALAR,
    SCHEME,
    SHAPES,
    SPACED,
    USER_OPTION,
    USERINFO,
    is_random,
    may_hold_secrets,
)

Found = re.Match[str]


class Redactor:
    """Masks text with one host's key."""

    def __init__(self, key: bytes) -> None:
        self._key = key[:64]

    def masked(self, value: str) -> str:
        """Return what stands for `value`: the same for the same value, and nothing else of it."""
        digest = hashlib.blake2b(value.encode("utf-8", "surrogateescape"), key=self._key, digest_size=6)
        return f"<masked:{digest.hexdigest()}>"

    def mask(self, text: str) -> str:
        """Return `text` without what looks like a secret; lines stay lines, but for those inside a PEM block."""
        if not may_hold_secrets(text):
            return text
        if "-----BEGIN " in text:
            text = PEM.sub(self._pem, text)
        is_kubernetes_secret = bool(KUBERNETES_SECRET.search(text))
        lines = text.split("\n")
        block: int | None = None
        quote = ""
        continues = False
        for index, line in enumerate(lines):
            if quote:
                lines[index] = self._whole(line)
                quote = "" if quote in line else quote
                continue
            if block is not None and not _ends_block(line, block):
                lines[index] = self._inside(line)
                continue
            opens = BLOCK.match(line)
            if opens and (opens["secret"] or is_kubernetes_secret):
                block = len(opens["indent"])
                continue
            block = None
            lines[index] = self._whole(line) if continues else self.mask_line(line)
            continues = line.endswith("\\") and (continues or lines[index] != line)
            quote = _left_open(line) if lines[index] != line else ""
        return "\n".join(lines)

    def mask_line(self, line: str) -> str:
        """Return one line masked."""
        if not may_hold_secrets(line):
            return line
        if len(line) > MAX_LINE:
            return self.masked(line)
        line = ELEMENT.sub(self._found, line)
        line = USERINFO.sub(self._found, line)
        line = SCHEME.sub(self._found, line)
        line = USER_OPTION.sub(self._found, line)
        assigned = _first_assignment(line)
        if assigned:
            line = line[: assigned.end("before")] + self._value(line[assigned.end("before") :])
        line = _outside_masks(line, lambda part: SHAPES.sub(lambda found: self.masked(found[0]), part))
        return _outside_masks(line, lambda part: LONG.sub(self._long, part))

    def _pem(self, found: Found) -> str:
        inside = found["value"]
        indent = re.match(r"\n?([ \t]*)", inside)
        gap = "\n" + (indent[1] if indent else "") if "\n" in inside else ""
        return f"{found['first']}{gap}{self.masked(' '.join(inside.split()))}{gap}{found['last']}"

    def _found(self, found: Found) -> str:
        value = found["value"]
        return found["before"] + (value if MASKED.search(value) else self.masked(value))

    def _value(self, text: str) -> str:
        """Mask the value that `text` starts with; what follows a quoted one is looked at for itself."""
        if text[:1] in {"[", "{"}:
            return self._scalars(text)
        quoted = SCALAR.match(text)
        if quoted and quoted["quote"]:
            rest = text[quoted.end() :]
            if rest.lstrip()[:1] in {'"', "'", "+", ".", "&"}:  # more of the same value
                return self.masked(text)
            return self._scalar(quoted) + self.mask_line(rest)
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

    def _inside(self, line: str) -> str:
        """Mask a line inside a block that belongs to a secret key: all but its indentation and keys."""
        entry = re.match(r"""(\s*(?:-\s+)?(?:["']?[\w.\-/]+["']?\s*[:=](?:\s+|$))?)(.*)""", line, re.DOTALL)
        if (
            entry is None
            or not entry[2].strip()
            or entry[2].strip() in {"{", "}", "[", "]", "},", "],", "|", ">"}
        ):
            return line
        return entry[1] + self._value(entry[2])

    def _whole(self, line: str) -> str:
        text = line.strip()
        return line.replace(text, self.masked(text)) if text and not MASKED.fullmatch(text) else line

    def _long(self, found: Found) -> str:
        return self.masked(found[0]) if is_random(found[0]) else found[0]


def _first_assignment(line: str) -> Found | None:
    found = [match for match in (ASSIGNED.search(line), SPACED.search(line)) if match]
    return min(found, key=lambda match: match.end("before"), default=None)


def _left_open(line: str) -> str:
    """Return the quote that a secret's value opens and does not close on its line."""
    assigned = _first_assignment(line)
    value = line[assigned.end("before") :] if assigned else ""
    for quote in ('"""', "'''", '"', "'"):
        if value.startswith(quote):
            return "" if quote in value[len(quote) :] else quote
    return ""


def _ends_block(line: str, indent: int) -> bool:
    text = line.lstrip()
    depth = len(line) - len(text)
    return bool(text) and depth <= indent and not (depth == indent and text.startswith(("- ", "}", "]")))


def _outside_masks(line: str, mask: Callable[[str], str]) -> str:
    if "<masked:" not in line:
        return mask(line)
    out, at = "", 0
    for found in MASKED.finditer(line):
        out += mask(line[at : found.start()]) + found[0]
        at = found.end()
    return out + mask(line[at:])
