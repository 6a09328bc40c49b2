"""The last agent.yaml that was right, kept for the day when a start finds a wrong one.

A host whose agent does not start after a typo and a reboot would go unrecorded. So what was right is kept with the
environment's word in it, as `last-right.yaml` beside the spool, for the service's user alone. No key is ever in it:
whatever the types call a secret is left out, and its place is remembered.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin
from urllib.parse import urlsplit

import msgspec

from agent.configuration.kinds import structs_in, told_apart, without_meta
from agent.configuration.location import Location
from agent.configuration.nodes import (
    MAX_FILE_BYTES,
    Place,
    compose,
    entry,
    mapping,
    scalar,
    sequence,
    text_entry,
    with_entry,
    without_entry,
)
from agent.configuration.plain_yaml import MappingNode, Node, ScalarNode, SequenceNode, serialize
from agent.configuration.problem import Problem
from agent.configuration.values import Secret, Url

NAME = "last-right.yaml"
PLACEHOLDER = "left-out"
"""Stands where a key was, so that what is read back is whole; it is sent to nobody."""

_HEAD = """\
# The last agent.yaml that was right, kept by the agent for a start that finds a wrong one. Keys are left out.
# The agent writes over it; what you change here is lost.
"""
_OWN = "last_right"

Steps = tuple[str, ...]


class LastRight(NamedTuple):
    """What was kept: the tree of agent.yaml, and where in it a secret was left out."""

    root: MappingNode
    left_out: frozenset[Steps]


def keep(location: Location, root: Node, expected: Any) -> None:
    """Keep a tree that is right and of the type `expected`; raises OSError where nothing may be written."""
    if not isinstance(root, MappingNode):
        return
    bare = _Bare()
    tree = bare.of(root, expected, ())
    assert isinstance(tree, MappingNode)  # noqa: S101 - a mapping stays one
    place = Place(NAME)
    steps = SequenceNode(
        "tag:yaml.org,2002:seq", [sequence(one, place) for one in bare.left_out], place, place
    )
    own = mapping({"file": scalar(str(location.file), place), "left_out": steps}, place)
    text = _HEAD + serialize(with_entry(tree, _OWN, own))
    if len(text.encode()) <= MAX_FILE_BYTES:
        _write(location.spool_directory, text)


def read(location: Location) -> LastRight | None:
    """Return what was kept of this very file; None where nothing was, or it may not be read."""
    try:
        text = (location.spool_directory / NAME).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    root = compose(text, str(location.file))
    if isinstance(root, Problem) or not isinstance(root, MappingNode):
        return None
    own = entry(root, _OWN)
    if own is not None and text_entry(own, "file") not in ("", str(location.file)):
        return None
    listed = entry(own, "left_out")
    left_out = frozenset(_texts(one) for one in (listed.value if isinstance(listed, SequenceNode) else ()))
    root = without_entry(root, _OWN)
    for steps in left_out:
        root = _with_placeholder(root, steps)
    return LastRight(root, left_out)


def secrets_in(root: Node, expected: Any) -> frozenset[str]:
    """Return the files (and variables) in which the secrets of a right tree stand."""
    bare = _Bare()
    bare.of(root, expected, ())
    return frozenset(bare.places)


class _Bare:
    """Copies a tree without its secrets, going by its types."""

    def __init__(self) -> None:
        self.left_out: list[Steps] = []
        self.places: set[str] = set()

    def of(self, node: Node, expected: Any, at: Steps) -> Node:
        kind, _ = without_meta(expected)
        structs = structs_in(kind)
        if isinstance(node, MappingNode) and structs:
            struct, _ = told_apart(node, structs)
            fields = msgspec.structs.fields(struct or structs[0])
            return self._mapping(node, {field.encode_name: field.type for field in fields}, at)
        if isinstance(node, MappingNode) and get_origin(kind) is dict:
            return self._mapping(node, None, at, get_args(kind)[1])
        if isinstance(node, ScalarNode) and kind is Url and (bare := _bare_url(node.value)) != node.value:
            self._leave_out(at, node)
            return scalar(bare, node.start_mark)
        return node

    def _leave_out(self, at: Steps, node: Node) -> None:
        self.left_out.append(at)
        self.places.add(node.start_mark.name)

    def _mapping(
        self, node: MappingNode, types: Mapping[str, Any] | None, at: Steps, other: Any = None
    ) -> Node:
        pairs: list[tuple[Node, Node]] = []
        for key, value in node.value:
            expected = other if types is None else types.get(key.value)
            if without_meta(expected)[0] is Secret:
                self._leave_out((*at, key.value), value)
            else:
                pairs.append((key, self.of(value, expected, (*at, key.value))))
        return MappingNode(node.tag, pairs, node.start_mark, node.end_mark)


def _bare_url(url: str) -> str:
    """Return an address without what may be a password in it: who asks, and what is asked."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _with_placeholder(node: MappingNode, steps: Sequence[str]) -> MappingNode:
    """Return a copy in which something stands where a secret was left out; an address needs nothing."""
    if not steps:
        return node
    inner = entry(node, steps[0])
    if isinstance(inner, MappingNode):
        return with_entry(node, steps[0], _with_placeholder(inner, steps[1:]))
    if inner is not None or len(steps) > 1:
        return node
    return with_entry(node, steps[0], scalar(PLACEHOLDER, Place(NAME)))


def _texts(node: Node) -> Steps:
    if not isinstance(node, SequenceNode):
        return ()
    return tuple(str(one.value) for one in node.value)


def _write(directory: Path, text: str) -> None:
    """Write it whole or not at all, for the agent's user alone, and have it survive a power loss."""
    directory.mkdir(mode=0o710, parents=True, exist_ok=True)
    target, temporary = directory / NAME, directory / f".{NAME}.{os.getpid()}"
    try:
        if target.read_text("utf-8") == text and target.stat().st_mode & 0o777 == 0o600:  # noqa: PLR2004 - as below
            return
    except (OSError, UnicodeDecodeError):
        pass  # none yet, or none that can be read: it is written
    temporary.unlink(missing_ok=True)
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    temporary.rename(target)
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
