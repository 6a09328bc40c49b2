"""Which entities an event is about: the attach rules of version 1, the selector of version 2, and one as the other. Pure.

A selector is one criterion with others that narrow it, so it holds entity ids or a tag rule, not both: ids win,
and whoever translates keeps the rules that a selector cannot say.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Rules = Mapping[str, Any]

CONTEXTLESS = "CONTEXTLESS"
HOST = "HOST"

_MOST_CHARACTERS = 10_000
"""Of a selector, as version 2 documents; a longer one is not read."""

_IDS = re.compile(r"entityId\((?P<ids>[^()]+)\)")
_TYPED = re.compile(r"type\(\s*\"?(?P<type>\w+)\"?\s*\)\s*(?P<tags>(?:,\s*tag\([^()]*\)\s*)+)")
_TAG = re.compile(r"tag\((?P<tag>[^()]*)\)")
_IN_CONTEXT = re.compile(r"\[(?P<context>\w+)\](?P<rest>.+)")


def attach_rules(entity_ids: Sequence[str], tags: Sequence[str]) -> dict[str, Any]:
    """Return the rules that attach an event to these entities, and to hosts with any of these tags."""
    rules: dict[str, Any] = {}
    if entity_ids:
        rules["entityIds"] = list(entity_ids)
    if tags:
        rules["tagRule"] = [
            {"meTypes": [HOST], "tags": [{"context": CONTEXTLESS, "key": tag} for tag in tags]}
        ]
    return rules


def entity_ids(rules: Rules) -> tuple[str, ...]:
    """Return the entity ids of rules."""
    return tuple(rules.get("entityIds", ()))


def event_tags(rules: Rules) -> tuple[str, ...]:
    """Return the tags of rules as events have them: `key:value`, or `context:key` where there is no value."""
    found = [_event_tag(tag) for rule in rules.get("tagRule", ()) for tag in tags_of(rule)]
    return tuple(dict.fromkeys(found))


def tags_of(rule: Rules) -> Iterator[dict[str, str]]:
    """Yield the tags of a rule; one that is plain text, as some clients send it, is a custom tag."""
    for tag in rule.get("tags", ()):
        yield tag if isinstance(tag, dict) else {"context": CONTEXTLESS, "key": tag}


def _event_tag(tag: Mapping[str, str]) -> str:
    context, key, value = tag.get("context") or CONTEXTLESS, tag["key"], tag.get("value")
    return f"{key}:{value}" if value else f"{context.lower()}:{key}"


def selector(rules: Rules) -> tuple[str, bool]:
    """Return the selector of rules, and whether it says all of them."""
    ids, tag_rules = entity_ids(rules), rules.get("tagRule", ())
    if ids:
        return f"entityId({','.join(map(_quoted, ids))})", not tag_rules
    if not tag_rules:
        return "", True
    rule = tag_rules[0]
    tags = ",".join(f"tag({_quoted(_selector_tag(tag))})" for tag in tags_of(rule))
    types = rule.get("meTypes") or [HOST]
    return f"type({types[0]}),{tags}", len(tag_rules) == 1 and len(types) == 1


def rules_of(text: str) -> dict[str, Any] | None:
    """Return the rules that a selector stands for, or None for one that they cannot say."""
    text = text.strip() if len(text) <= _MOST_CHARACTERS else ""
    if found := _IDS.fullmatch(text):
        ids = [_unquoted(one) for one in found["ids"].split(",")]
        return {"entityIds": ids} if all(ids) else None
    if found := _TYPED.fullmatch(text):
        tags = [_parsed_tag(_unquoted(tag["tag"])) for tag in _TAG.finditer(found["tags"])]
        if all(tag["key"].strip() for tag in tags):
            return {"tagRule": [{"meTypes": [found["type"]], "tags": tags}]}
    return None


def _selector_tag(tag: Mapping[str, str]) -> str:
    context = tag.get("context") or CONTEXTLESS
    prefix = "" if context == CONTEXTLESS else f"[{context}]"
    value = f":{tag['value']}" if tag.get("value") else ""
    return f"{prefix}{tag['key']}{value}"


def _parsed_tag(text: str) -> dict[str, str]:
    found = _IN_CONTEXT.fullmatch(text)
    context, rest = (found["context"], found["rest"]) if found else (CONTEXTLESS, text)
    key, colon, value = rest.partition(":")
    return {"context": context, "key": key} | ({"value": value} if colon and value else {})


def _quoted(text: str) -> str:
    return '"' + re.sub(r'([~"])', r"~\1", text) + '"'


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        text = text[1:-1]
    return re.sub(r"~(.)", r"\1", text)
