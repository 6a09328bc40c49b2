"""What a message about a configuration may quote of it: nothing that could be a key in the wrong place. Pure.

People write `{url: …, api_key:K}`, `api_key_file: K` or `api_key: *K`; what they get to read, what is logged and
what is sent then names the line, never K. So values are not quoted at all, and a name only where it looks like one.
"""

import re
from collections.abc import Iterable

from agent.configuration.plain_yaml import MappingNode, Node, ScalarNode

HIDDEN = "(a key that is not shown)"

_NAME = re.compile(r"[a-z][a-z_-]{0,29}")
_CHOSEN_NAME = re.compile(r"[\w.-]{1,40}", re.ASCII)
_QUOTED = re.compile(r"""(["'])(?:\\.|(?!\1).)*\1""", re.DOTALL)
_TOKEN = re.compile(r"""["'](<[a-z ]+>|.|\\.)["']""", re.DOTALL)


def quotable_key(name: str, value: Node, known: Iterable[str] = (), *, beside_secrets: bool = False) -> str:
    """Return a key as it may be shown where `known` ones are expected: a word with a value, as a misspelt key is.

    Where a secret belongs beside it, only a word that is nearly one of `known`.
    """
    known = list(known)
    if name in known:
        return name
    if _NAME.fullmatch(name) and not _is_nothing(value):
        return name if not beside_secrets or _is_nearly_one_of(name, known) else HIDDEN
    begun = name.partition(":")[0].strip()
    return begun if begun != name and begun in known else HIDDEN


def quotable_name(name: str, value: Node) -> str:
    """Return a name that the operator gave to a mapping as it may be shown."""
    return name if _CHOSEN_NAME.fullmatch(name) and isinstance(value, MappingNode) else HIDDEN


def without_quotes(text: str) -> str:
    """Return a parser's message without what it quotes of the file; its own tokens and single characters stay."""
    return _QUOTED.sub(lambda found: found[0] if _TOKEN.fullmatch(found[0]) else "(not shown)", text)


def _is_nearly_one_of(name: str, known: list[str]) -> bool:
    import difflib

    return bool(difflib.get_close_matches(name, known, 1))


def _is_nothing(value: Node) -> bool:
    return isinstance(value, ScalarNode) and not value.value
