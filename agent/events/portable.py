"""Is this JSON that every reader can take? What some reader refuses must be refused while its sender listens.

A number beyond a double or 64 bits, more than 64 levels, half a surrogate pair, bytes that are no UTF-8: one
reader takes them, another fails at everything around them. `check_portable` looks for them in a few passes
at the speed of the machine, without decoding; only what is wrong is walked to find its place.
It does not check the syntax.
"""

import re
from collections import deque
from collections.abc import Iterator
from math import isinf

MAX_LEVELS = 64
"""Objects and lists within each other, the whole body's included; the usual limit of .NET's reader."""

Path = list[str | int | None]
"""Keys and indexes from the top down; None where a key is to come."""

_MAX_PLACE_CHARACTERS = 200
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**64 - 1
_INTEGER_DIGITS = 20  # of the largest of 64 bits

_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_SHAPE = bytes.maketrans(b"123456789E[,", b"000000000e::")
_NOT_SHAPE = b" \t\r\n+-"
_MAYBE_TOO_LONG = b":" + b"0" * (_INTEGER_DIGITS - 1)
_MAYBE_TOO_LARGE = re.compile(
    rb"0e000"
)  # with an exponent of two digits only a long number is beyond a double
_MANTISSA = b"0."
_LONGEST_MANTISSA = 32

_STRING = re.compile(rb'"[^"]*"')
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_TOKEN = re.compile(
    rb'"(?P<text>[^"\\]*+(?:\\.[^"\\]*+)*+)"'
    rb"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<comma>,)|(?P<number>-?\d[\d.eE+-]*+)",
    re.DOTALL,
)


class NotPortable(ValueError):  # noqa: N818 - the name says what is wrong with the JSON
    """JSON that some reader refuses: what it is, and where, as `events.custom[1].context.data.x`."""

    def __init__(self, message: str, place: str) -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.message = message
        self.place = place


def check_portable(body: bytes) -> None:
    """Raise `NotPortable` for what some reader of JSON refuses; linear in the size of the body."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise NotPortable(
            f"this is not UTF-8: {error.reason} at byte {error.start}", _place_of_end(body[: error.start])
        ) from None
    has_escapes = b"\\" in body
    plain = (
        body.replace(rb"\\", b"").replace(rb"\"", b"") if has_escapes else body
    )  # each quote is a text's end
    if (has_escapes and _has_half_a_pair(body)) or _is_too_deep(plain) or _has_wrong_number(body, plain):
        wrong = _first_wrong(body)
        if wrong is not None:
            raise wrong


def _has_half_a_pair(text: bytes) -> bool:
    if rb"\u" not in text:
        return False
    text = text.replace(rb"\\", b"")  # so that each backslash that is left begins an escape
    return _SURROGATE.search(_PAIR.sub(b"", text)) is not None


def _is_too_deep(plain: bytes) -> bool:
    """Return whether it may be; never False for what is."""
    structure = plain.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    structure = _STRING.sub(b"", structure)  # what is left of texts that hold brackets
    for _ in range(MAX_LEVELS // 2):  # each turn takes the innermost level off, or two
        if not structure:
            return False
        structure = structure.replace(b"{}", b"").replace(b"[]", b"")
    return structure != b""


def _has_wrong_number(body: bytes, plain: bytes) -> bool:
    shape = body.translate(_SHAPE, _NOT_SHAPE)
    if _MAYBE_TOO_LONG not in shape and not any(
        _may_be_a_number(shape, found.start()) for found in _MAYBE_TOO_LARGE.finditer(shape)
    ):
        return False
    outside = b"".join(plain.split(b'"')[::2])  # of texts
    return any(_trouble_with(number) for number in _NUMBER.findall(outside))


def _may_be_a_number(shape: bytes, last_digit: int) -> bool:
    """Return whether what ends in this digit begins where a value does; a hash in a text does not."""
    before = shape[max(0, last_digit - _LONGEST_MANTISSA) : last_digit + 1].rstrip(_MANTISSA)
    return not before or before.endswith(b":")


def _trouble_with(number: bytes) -> str:
    """Return what is wrong with a number, empty for nothing."""
    if not number.lstrip(b"-").isdigit():
        return "the number is beyond a double" if isinf(float(number)) else ""
    is_long = len(number.lstrip(b"-")) > _INTEGER_DIGITS
    fits = not is_long and _MIN_INTEGER <= int(number) <= _MAX_INTEGER
    return "" if fits else "the integer is larger than 64 bits"


def _first_wrong(body: bytes) -> NotPortable | None:
    """Return the first thing that is wrong, with its place."""
    for token, path in _walk(body):
        trouble = ""
        match token.lastgroup:
            case "open" if len(path) > MAX_LEVELS:
                trouble = f"more than {MAX_LEVELS} levels"
            case "text" if _has_half_a_pair(token["text"]):
                trouble = "half a surrogate pair"
            case "number" if _NUMBER.fullmatch(token[0]):
                trouble = _trouble_with(token[0])
        if trouble:
            return NotPortable(trouble, _place(path[:MAX_LEVELS]))
    return None


def _place_of_end(part: bytes) -> str:
    last = deque(_walk(part), maxlen=1)
    return _place(last[0][1]) if last else ""


def _walk(body: bytes) -> Iterator[tuple[re.Match[bytes], Path]]:
    """Yield each token with the path to it; it is one list, that changes."""
    path: Path = []
    for token in _TOKEN.finditer(body):
        match token.lastgroup:
            case "open":
                path.append(0 if token[0] == b"[" else None)
            case "close" if path:
                path.pop()
            case "comma" if path:
                last = path[-1]
                path[-1] = last + 1 if isinstance(last, int) else None
            case "text" if path and path[-1] is None:
                path[-1] = token["text"].decode("utf-8", "replace")
        yield token, path


def _place(path: Path) -> str:
    """Return a path as people write it: `events.custom[1].context`, shortened in its middle."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path if part is not None)
    text = text.removeprefix(".")
    half = _MAX_PLACE_CHARACTERS // 2
    return text if len(text) <= _MAX_PLACE_CHARACTERS else f"{text[:half]}…{text[-half:]}"
