"""What StackState documents of topologies and health, as one pure check; see `stand_in_rules` for the events.

A problem is either `refused` (the receiver answers 400) or accepted with a consequence.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

from agent.stand_in.verdict import Problem

LONGEST_REPEAT_SECONDS = 1800

_STREAM = re.compile(r"urn:health:[^:\s]+:[^:\s]+")
_MODELS = frozenset({"REPEAT_SNAPSHOTS", "REPEAT_STATES", "TRANSACTIONAL_INCREMENTS"})
_HEALTHS = frozenset({"Clear", "Deviating", "Critical"})
_COMPONENT_TEXTS = ("name", "layer", "domain", "environment")
_COMPONENT_LISTS = ("labels", "identifiers", "tags")

Json = dict[str, Any]


def check_state(document: Json) -> Iterator[Problem]:
    """Yield what is wrong with the topologies and the health of a body; lists that are none are told elsewhere."""
    for section, check in (("topologies", _topology), ("health", _health)):
        items = document.get(section)
        for index, item in enumerate(items if isinstance(items, list) else ()):
            where = f"{section}({index})"
            if isinstance(item, dict):
                yield from check(where, item)
            else:
                yield _refused(where, "Expected an object")


def _topology(where: str, item: Json) -> Iterator[Problem]:
    yield from _texts(f"{where}.instance", item.get("instance"), ("type", "url"))
    for key in ("start_snapshot", "stop_snapshot"):
        if not isinstance(item.get(key, False), bool):
            yield _refused(f"{where}.{key}", "Expected true or false")
    for key in ("components", "relations", "delete_ids"):
        if not isinstance(item.get(key, []), list):
            yield _refused(f"{where}.{key}", "Expected a list")
    components, relations = _objects(item, "components"), _objects(item, "relations")
    for index, component in enumerate(components):
        yield from _component(f"{where}.components({index})", component)
    named = {str(component.get("externalId")) for component in components if isinstance(component, dict)}
    is_complete = item.get("start_snapshot") is True and item.get("stop_snapshot") is True
    for index, relation in enumerate(relations):
        yield from _relation(f"{where}.relations({index})", relation, named if is_complete else None)
    if is_complete and item.get("delete_ids"):
        yield _told(f"{where}.delete_ids", "A complete snapshot deletes what it does not name")
    yield from _repeated(f"{where}.components", components, "externalId")


def _component(where: str, component: object) -> Iterator[Problem]:
    yield from _texts(where, component, ("externalId",))
    if not isinstance(component, dict):
        return
    yield from _texts(f"{where}.type", component.get("type"), ("name",))
    data = component.get("data")
    if not isinstance(data, dict):
        yield _refused(f"{where}.data", "Expected an object")
        return
    for key in _COMPONENT_TEXTS:
        if not isinstance(data.get(key, ""), str):
            yield _refused(f"{where}.data.{key}", "Expected a string")
    for key in _COMPONENT_LISTS:
        values = data.get(key, [])
        if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            yield _refused(f"{where}.data.{key}", "Expected a list of strings")
    if not data.get("name"):
        yield _told(f"{where}.data.name", "Without a name it is shown by its externalId")
    if not data.get("identifiers"):
        yield _told(f"{where}.data.identifiers", "Without an identifier no event and no health finds it")


def _relation(where: str, relation: object, named: set[str] | None) -> Iterator[Problem]:
    yield from _texts(where, relation, ("externalId", "sourceId", "targetId"))
    if not isinstance(relation, dict):
        return
    yield from _texts(f"{where}.type", relation.get("type"), ("name",))
    if not isinstance(relation.get("data", {}), dict):
        yield _refused(f"{where}.data", "Expected an object")
    for key in ("sourceId", "targetId"):
        if named is not None and str(relation.get(key)) not in named:
            yield _told(f"{where}.{key}", "The snapshot has no such component")


def _health(where: str, item: Json) -> Iterator[Problem]:
    model = item.get("consistency_model")
    if not _is_one_of(model, _MODELS):
        yield _refused(f"{where}.consistency_model", f"Expected one of {', '.join(sorted(_MODELS))}")
    stream = item.get("stream")
    yield from _texts(f"{where}.stream", stream, ("urn",))
    stream = stream if isinstance(stream, dict) else {}
    if isinstance(stream.get("urn"), str) and not _STREAM.fullmatch(stream["urn"]):
        yield _refused(f"{where}.stream.urn", "Expected urn:health:<source>:<stream>")
    if "sub_stream_id" in stream:
        yield from _texts(f"{where}.stream", stream, ("sub_stream_id",))
    if model == "REPEAT_SNAPSHOTS":
        yield from _snapshot(where, item, has_sub_stream="sub_stream_id" in stream)
    states = item.get("check_states", [])
    if not isinstance(states, list):
        yield _refused(f"{where}.check_states", "Expected a list")
        return
    for index, state in enumerate(states):
        yield from _check_state(f"{where}.check_states({index})", state)
    yield from _repeated(f"{where}.check_states", states, "checkStateId")


def _snapshot(where: str, item: Json, *, has_sub_stream: bool) -> Iterator[Problem]:
    start, stop = item.get("start_snapshot"), item.get("stop_snapshot")
    if start is None:
        yield _told(f"{where}.start_snapshot", "Without it no snapshot begins: its states do not count")
    elif not isinstance(start, dict):
        yield _refused(f"{where}.start_snapshot", "Expected an object")
    else:
        yield from _intervals(f"{where}.start_snapshot", start, has_sub_stream=has_sub_stream)
    if stop is None:
        yield _told(
            f"{where}.stop_snapshot", "Without it the snapshot does not end: what it leaves out stays"
        )
    elif not isinstance(stop, dict):
        yield _refused(f"{where}.stop_snapshot", "Expected an object")


def _intervals(where: str, start: Json, *, has_sub_stream: bool) -> Iterator[Problem]:
    repeat: Any = start.get("repeat_interval_s")
    expiry: Any = start.get("expiry_interval_s")
    if not _is_seconds(repeat):
        yield _refused(f"{where}.repeat_interval_s", "Expected a whole number of seconds")
    elif repeat > LONGEST_REPEAT_SECONDS:
        yield _refused(f"{where}.repeat_interval_s", f"Expected at most {LONGEST_REPEAT_SECONDS} seconds")
    if expiry is None and has_sub_stream:
        yield _refused(f"{where}.expiry_interval_s", "It is required with a sub stream")
    elif expiry is not None and not _is_seconds(expiry):
        yield _refused(f"{where}.expiry_interval_s", "Expected a whole number of seconds")
    elif expiry is not None and _is_seconds(repeat) and expiry <= repeat:
        yield _told(f"{where}.expiry_interval_s", "Not longer than the interval: states vanish in between")


def _check_state(where: str, state: object) -> Iterator[Problem]:
    yield from _texts(where, state, ("checkStateId", "name", "topologyElementIdentifier"))
    if not isinstance(state, dict):
        return
    if not _is_one_of(state.get("health"), _HEALTHS):
        yield _refused(f"{where}.health", "Expected Clear, Deviating or Critical")
    if not isinstance(state.get("message", ""), str):
        yield _refused(f"{where}.message", "Expected a string")


def _texts(where: str, item: object, keys: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what keeps `item` from being an object with these texts, none of them empty."""
    if not isinstance(item, dict):
        yield _refused(where, "Expected an object")
        return
    for key in keys:
        if key not in item:
            yield _refused(where, f"Object is missing required member '{key}'")
        elif not isinstance(item[key], str) or not item[key]:
            yield _refused(f"{where}.{key}", "Expected a string that is not empty")


def _repeated(where: str, items: list[Any], key: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for item in items:
        value = item.get(key) if isinstance(item, dict) else None
        if isinstance(value, str) and value in seen:
            yield _told(where, f"The {key} '{value}' stands there twice")
        elif isinstance(value, str):
            seen.add(value)


def _objects(item: Json, key: str) -> list[Any]:
    found = item.get(key)
    return found if isinstance(found, list) else []


def _is_one_of(value: object, words: Collection[str]) -> bool:
    return isinstance(value, str) and value in words


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _refused(where: str, rule: str) -> Problem:
    return Problem(where, rule, refused=True)


def _told(where: str, rule: str) -> Problem:
    return Problem(where, rule, refused=False)
