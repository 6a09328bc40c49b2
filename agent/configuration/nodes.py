"""YAML files as trees of nodes that know their file and line, scalars as YAML 1.2 reads them.

`off` is text here and `012` is twelve. Nothing is constructed: the types decide what a node may be,
so a file can neither name a Python object nor lose one of two equal keys before anybody saw both.
"""

import errno
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from agent.configuration.plain_yaml import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STR,
    TAG,
    Composer,
    CoreSchema,
    Event,
    MappingNode,
    Mark,
    MarkedYAMLError,
    Node,
    Parser,
    ScalarNode,
    Scanner,
    SequenceNode,
    Text,
    Unprintable,
)
from agent.configuration.problem import Problem
from agent.configuration.quoting import without_quotes
from collectors._nesting import TooDeep, YamlLevels

MAX_FILE_BYTES = 1024 * 1024
_NO_FILE = {errno.ENOENT: "does not exist", errno.EISDIR: "is a directory, must be a file"}

_PLACEHOLDER = re.compile(r"\{\{.{0,200}?\}\}|\{%.{0,200}?%\}|<%.{0,200}?%>")
"""Of Jinja and Helm, or of ERB."""
_COMMENT = re.compile(r"(?:^|\s)#.*")

_ONE_DOCUMENT = "expected a single document in the stream"  # PyYAML's words
_SECOND_HINT = (
    ": a file holds one; write all of it without a line `---`, or an application of its own into conf.d"
)


class Place(Mark):
    """Where something that no file holds comes from: `$STS_URL`, line 1."""

    def __init__(self, name: str) -> None:
        super().__init__(name, 0, 0, 0, None, 0)


class _Loader(Text, Scanner, Parser, Composer, CoreSchema):
    """The pure Python parser: it raises on hostile depth, where the C one would end the process."""

    def __init__(self, text: str, name: str) -> None:
        Text.__init__(self, text, name)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        self._levels = YamlLevels()

    def get_event(self) -> Event:
        """Return the next event of the parser; raises `TooDeep` before anything recurses too far."""
        return cast("Event", self._levels.see(super().get_event()))  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it untyped


def _read_bounded(path: Path) -> bytes:
    """Return what a file holds, and of one that is larger than any may be, or never ends, enough to tell."""
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


def compose_file(path: Path, read: Callable[[Path], bytes] = _read_bounded) -> Node | Problem:
    """Return the tree of one file, an empty mapping for an empty file, or why there is none."""
    name = str(path)
    try:
        data = read(path)
    except OSError as error:
        why = _NO_FILE.get(error.errno or 0, f"may not be read: {error.strerror or error}")
        return Problem(name, 1, "", why)
    if len(data) > MAX_FILE_BYTES:
        return Problem(name, 1, "", f"is larger than {MAX_FILE_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Problem(name, data.count(b"\n", 0, error.start) + 1, "", "is not UTF-8 text")
    return compose(text, name)


def compose(text: str, name: str) -> Node | Problem:
    """Return the tree of one document; `name` is what its nodes say their file is."""
    if problem := _placeholder_in(text, name):
        return problem
    try:
        root = _Loader(text, name).get_single_node()
    except MarkedYAMLError as error:
        if error.context == _ONE_DOCUMENT and error.problem_mark:
            return Problem(name, error.problem_mark.line + 1, "", "begins a second document", 1, _SECOND_HINT)
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Problem(name, line, "", f"is no YAML: {_reason(error)}", column, _hint(error))
    except Unprintable as error:
        line = text.count("\n", 0, error.position) + 1
        character = f"U+{ord(error.character):04X}"
        return Problem(name, line, "", f"is no YAML: the character {character} is not allowed")
    except (TooDeep, RecursionError):
        return Problem(name, 1, "", "is nested too deeply")
    if root is None or (isinstance(root, ScalarNode) and root.tag == NULL and not root.value):
        return empty_mapping(Place(name))
    return root


def _placeholder_in(text: str, name: str) -> Problem | None:
    """Return where a template engine has left something that it should have rendered; what stands in a comment is no value."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := _PLACEHOLDER.search(_COMMENT.sub("", line)):
            hint = ": this file was copied and not rendered; let Ansible's template, Helm or Puppet fill it in first"
            return Problem(name, number, "", "holds a placeholder of a template", found.start() + 1, hint)
    return None


def _reason(error: MarkedYAMLError) -> str:
    return without_quotes(" ".join(part for part in (error.problem, error.context) if part))


_HINTS = {
    r"'\t'": "; indent with blanks, not with tabs",
    "alias": "; put what begins with * into quotes",
    "anchor": "; put what begins with & into quotes",
    "cannot start any token": "; put it into quotes",
    "<block end>": "; the indentation does not fit that of the lines above",
    "mapping values are not allowed": "; mind the indentation, and put a text that holds a colon into quotes",
}
"""What to do about what the parser says of itself, by words of it."""


def _hint(error: MarkedYAMLError) -> str:
    """Return what to do, where the words of the parser say it to nobody who does not know it."""
    said = _reason(error)
    if found := next((hint for words, hint in _HINTS.items() if words in said), ""):
        return found
    begun, found_at = error.context_mark, error.problem_mark
    return (
        f"; it begins in line {begun.line + 1}" if begun and found_at and begun.line < found_at.line else ""
    )


def empty_mapping(mark: Any) -> MappingNode:
    """Return a mapping without keys."""
    return MappingNode(TAG + "map", [], mark, mark)


def value_of(node: ScalarNode) -> Any:
    """Return what a scalar says: text, a number, a boolean or None; text when its tag promises too much."""
    read = _READ.get(node.tag)
    if read is None:
        return node.value
    try:
        return read(node.value)
    except (ValueError, KeyError):
        return node.value


def _whole_number(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text[2:] if base != 10 else text, base)  # noqa: PLR2004 - ten is ten


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_READ: dict[str, Callable[[str], Any]] = {
    NULL: lambda _: None,
    BOOL: lambda text: {"true": True, "false": False}[text.lower()],
    INT: _whole_number,
    FLOAT: _float,
}


def entry(node: Node | None, key: str) -> Node | None:
    """Return the value under `key`, or None; the first one where the key stands twice."""
    if isinstance(node, MappingNode):
        for name, value in node.value:
            if isinstance(name, ScalarNode) and name.value == key:
                return cast("Node", value)
    return None


def text_entry(node: Node | None, key: str) -> str:
    """Return the text of the scalar under `key`, or nothing."""
    found = entry(node, key)
    return str(found.value) if isinstance(found, ScalarNode) else ""


def with_entry(node: MappingNode, key: str, value: Node) -> MappingNode:
    """Return a copy of `node` where `key` has this value; what else is wrong with it stays to be found."""
    entries = list(node.value)
    for place, (name, _) in enumerate(entries):
        if isinstance(name, ScalarNode) and name.value == key:
            entries[place] = (name, value)
            break
    else:
        entries.append((scalar(key, value.start_mark), value))
    return MappingNode(node.tag, entries, node.start_mark, node.end_mark)


def without_entry(node: MappingNode, key: str) -> MappingNode:
    """Return a copy of `node` without `key`."""
    kept = [(k, v) for k, v in node.value if not (isinstance(k, ScalarNode) and k.value == key)]
    return MappingNode(node.tag, kept, node.start_mark, node.end_mark)


def scalar(text: str, mark: Any, tag: str = STR) -> ScalarNode:
    """Return a scalar that says it stands at `mark`."""
    return ScalarNode(tag, text, mark, mark)


def sequence(texts: Iterable[str], mark: Any) -> SequenceNode:
    """Return a list of texts that says it stands at `mark`."""
    return SequenceNode(TAG + "seq", [scalar(text, mark) for text in texts], mark, mark)


def mapping(values: Mapping[str, Node], mark: Any) -> MappingNode:
    """Return a mapping of these that says it stands at `mark`."""
    return MappingNode(TAG + "map", [(scalar(key, mark), value) for key, value in values.items()], mark, mark)
