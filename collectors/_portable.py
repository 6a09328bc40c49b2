"""What any encoder and any reader takes of texts and numbers that the host or its users chose. Pure.

`Event` escapes everything in it by this; who makes text for other eyes than an event's (`status`, a reason
that is remembered) uses it itself. `counted` and `were` put a number before a word.
"""

import math

Scalar = str | int | float | bool | None


def escaped(text: str) -> str:
    r"""Return `text` as any encoder takes it: a byte that is no UTF-8 reads `\xff`, half a surrogate pair `\ud800`."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(_escaped_half(c) if _FIRST_HALF <= c <= _LAST_HALF else c for c in text)
    return text


def printable(text: str) -> str:
    r"""Return `text` as one line that no terminal obeys: an escape character reads `\u001b`, a newline `\n`."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _sign(c) for c in text)


def printable_lines(text: str) -> str:
    """Return `text` with its lines and tabs as they are, and each line as `printable` gives it."""
    if text.isprintable():
        return text
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


_SIGNS = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _sign(character: str) -> str:
    number = ord(character)
    return _SIGNS.get(character) or (f"\\u{number:04x}" if number <= _LAST_SHORT else f"\\U{number:08x}")


_LAST_SHORT = 0xFFFF
_FIRST_HALF, _LAST_HALF = "\ud800", "\udfff"
_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF
"""What `os.fsdecode` makes of the bytes 0x80 to 0xFF where they are no UTF-8."""


def _escaped_half(half: str) -> str:
    number = ord(half)
    return f"\\x{number & 0xFF:02x}" if _FIRST_BYTE <= number <= _LAST_BYTE else f"\\u{number:04x}"


def counted(number: int, what: str, several: str = "") -> str:
    """Return `3 events`, and `1 event`; `several` where the word takes more than an s."""
    return f"{number} {what}" if number == 1 else f"{number} {several or what + 's'}"


def are(number: int, what: str) -> str:
    """Return `3 events are`, and `1 event is`, as a verb in the present follows."""
    return f"{counted(number, what)} {'is' if number == 1 else 'are'}"


def were(number: int, what: str, which: str = "") -> str:
    """Return `3 events for it were`, and `1 event for it was`, as a verb in the past follows; `which` tells whose or where."""
    return f"{counted(number, what)} {f'{which} ' if which else ''}{'was' if number == 1 else 'were'}"


def portable(value: Scalar) -> Scalar:
    """Return `value` as readers everywhere take it: text escaped, an integer over 64 bits as text, no NaN and no infinity."""
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        return str(value) if value.bit_length() <= _DECIMAL_BITS else hex(value)  # decimal is not linear
    return value


_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_DECIMAL_BITS = 1024
