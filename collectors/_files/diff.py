"""The unified diff of a text, and the little space a text is remembered in. Pure.

What is told was masked before it was remembered.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from collectors._files.budget import Budget

MAX_DIFF_BYTES = 48 * 1024
CUT = "… cut: the rest of this diff is too large for an event\n"

_SMALL = 512
"""Bytes below which compressing costs more than it saves."""
_LEVEL = 1
_WINDOW_BITS = -12
_MEMORY_LEVEL = 3


def compress(data: bytes, *, is_strict: bool = False) -> bytes:
    """Return a text in UTF-8 in little space, with how it was masked; never empty."""
    if len(data) < _SMALL:
        return (b"T" if is_strict else b"t") + data
    return (b"Z" if is_strict else b"z") + _quickest()(data)


@cache
def _quickest() -> Callable[[bytes], bytes]:
    """Return what compresses: ISA-L by the processor's vector instructions, where its library is to be had, else zlib.

    zlib reads what either wrote, and whether a file changed never hangs on which of them it was.
    """
    try:
        from isal.isal_zlib import compress as by_isal
    except (ImportError, OSError):  # it is not there, or there are no descriptors left to read it by
        return _by_zlib
    return lambda data: by_isal(data, _LEVEL, _WINDOW_BITS)


def _by_zlib(data: bytes) -> bytes:
    state = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)
    return state.compress(data) + state.flush()


def decompress(stored: bytes) -> str | None:
    """Return the text that `compress` was given; None where nothing was stored."""
    if not stored:
        return None
    data = stored[1:]
    return (zlib.decompress(data, _WINDOW_BITS) if stored[:1] in b"zZ" else data).decode()


def was_strict(stored: bytes) -> bool:
    """Return whether a remembered text was masked strictly."""
    return stored[:1] in {b"T", b"Z"}


def lines_of(text: str) -> list[str]:
    """Return the lines of a text with their ends: a newline ends one, and nothing else does, not a form feed, not U+2028."""
    *lines, last = text.split("\n")
    return [line + "\n" for line in lines] + ([last] if last else [])


def unified(path: str, old: str | None, new: str | None, budget: Budget) -> str:
    """Return the unified diff from one text to another (None: there was none), cut to what an event may hold.

    Raises `OverBudget`: texts can be made that are slow to compare.
    """
    lines = _differing(
        lines_of(old or ""),
        lines_of(new or ""),
        path if old is not None else "/dev/null",
        path if new is not None else "/dev/null",
        budget,
    )
    out: list[str] = []
    size = 0
    for line in lines:
        whole = line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
        size += len(whole.encode())
        if size > MAX_DIFF_BYTES:
            out.append(CUT)
            break
        out.append(whole)
    return "".join(out)


def _differing(
    old: Sequence[str], new: Sequence[str], old_name: str, new_name: str, budget: Budget
) -> Iterator[str]:
    """Yield the lines of a unified diff with three lines around each change; none when nothing differs."""
    from collectors._files.matching import Matcher  # brings difflib, and most changes have no diff

    is_first = True
    for group in Matcher(old, new, budget).get_grouped_opcodes(3):
        if is_first:
            yield f"--- {old_name}\n"
            yield f"+++ {new_name}\n"
            is_first = False
        before = _range(group[0][1], group[-1][2])
        after = _range(group[0][3], group[-1][4])
        yield f"@@ -{before} +{after} @@\n"
        for kind, old_from, old_to, new_from, new_to in group:
            if kind == "equal":
                yield from (" " + line for line in old[old_from:old_to])
                continue
            yield from ("-" + line for line in old[old_from:old_to])
            yield from ("+" + line for line in new[new_from:new_to])


def _range(start: int, stop: int) -> str:
    """Return a range of lines as a hunk has it: counted from 1, and from the line before when it is empty."""
    count = stop - start
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"
