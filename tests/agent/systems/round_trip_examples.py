"""What the round trip over all systems has to know of each: what may come in, and what goes out of one message again.

Every leaf that a message draws is a text or a number that occurs nowhere else, so that a leaf which was
dropped on the way is missed in the text of what arrived.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from agent.systems.dynatrace.rules import TYPES, V1, V2, v2_name

NOW = int(time.time())
"""The second at which everything of the round trip happens: some systems take no old problems."""

MARKS = st.integers(10**9, 10**10).map("m{}k".format)
NUMBERS = st.integers(10**9, 2 * 10**9)
EMPTY = st.sampled_from([0, False, True, "", 0.5])
LEAVES = st.none() | MARKS | NUMBERS | EMPTY
KEYS = st.sampled_from(
    ["host", "name", "title", "category", "source", "tags", "timestamp", "status", "check", "id"]
) | st.integers(10**6, 10**7).map("k{}y".format)
"""Of what a program adds of its own: also words that a system, or the stored event, has for something else."""
VALUES = LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(KEYS, LEAVES, max_size=2)
OWN = st.dictionaries(KEYS, VALUES, max_size=4)
TAGS = st.lists(MARKS.map("tag:{}".format), max_size=2)


def _optional(**fields: st.SearchStrategy[Any]) -> Mapping[str, st.SearchStrategy[Any]]:
    return {key: st.none() | strategy for key, strategy in fields.items()}


def _with_own(known: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in own.items() if key not in known}, **known}


_CONTEXT = st.fixed_dictionaries(
    {},
    optional=_optional(
        category=st.sampled_from(["Activities", "Alerts", "Anomalies", "Changes", "Deployments", "Others"]),
        source=MARKS,
        source_identifier=MARKS,
        element_identifiers=st.lists(MARKS, min_size=1, max_size=2),
        source_links=st.lists(st.fixed_dictionaries({"title": MARKS, "url": MARKS}), max_size=2),
        data=OWN,
    ),
)
_STACKSTATE = st.builds(
    _with_own,
    st.fixed_dictionaries(
        {"msg_title": MARKS, "timestamp": st.just(NOW)},
        optional=_optional(
            msg_text=MARKS,
            event_type=MARKS | st.sampled_from(["ConfigurationChangedEvent", "VersionChangedEvent"]),
            source_type_name=MARKS,
            host=MARKS,
            tags=TAGS,
            context=_CONTEXT,
        ),
    ),
    st.dictionaries(st.integers(10**6, 10**7).map("k{}y".format), VALUES, max_size=2),
)

_TAG = st.fixed_dictionaries(
    {"context": st.sampled_from(["CONTEXTLESS", "AWS"]), "key": MARKS}, optional={"value": MARKS}
)
_ATTACH = st.one_of(
    st.fixed_dictionaries({"entityIds": st.lists(MARKS, min_size=1, max_size=2)}),
    st.fixed_dictionaries(
        {
            "tagRule": st.lists(
                st.fixed_dictionaries(
                    {"meTypes": st.just(["HOST"]), "tags": st.lists(_TAG | MARKS, min_size=1, max_size=2)}
                ),
                min_size=1,
                max_size=2,
            )
        }
    ),
)


@st.composite
def _desk_v1(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from([*TYPES]))
    fields = {"eventType": st.just(kind)} | dict.fromkeys(("source", *TYPES[kind].required), MARKS)
    optional = _optional(**dict.fromkeys(TYPES[kind].optional, MARKS)) | {
        V1.attach: _ATTACH,
        V1.properties: st.none() | st.dictionaries(KEYS, LEAVES, max_size=3),
        V1.start: st.just(NOW * 1000 + 123),
        "timeseriesIds": st.lists(MARKS, max_size=2),
    }
    if TYPES[kind].opens_problem:
        optional[V1.timeout] = st.integers(0, 120)
    own = draw(st.dictionaries(st.integers(10**6, 10**7).map("k{}y".format), VALUES, max_size=2))
    return _with_own(draw(st.fixed_dictionaries(fields, optional=optional)), own)


@st.composite
def _desk_v2(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from([*TYPES]))
    optional = {
        V2.start: st.just(NOW * 1000 + 123),
        V2.properties: st.none() | st.dictionaries(KEYS, MARKS, max_size=3),
        V2.attach: MARKS.map('entityId("{}")'.format) | MARKS.map('type(HOST),tag("a:{}")'.format),
    }
    if TYPES[kind].opens_problem:
        optional[V2.timeout] = st.integers(0, 120)
    return draw(
        st.fixed_dictionaries({"eventType": st.just(v2_name(kind)), "title": MARKS}, optional=optional)
    )


_SEMATEXT = st.builds(
    _with_own,
    st.fixed_dictionaries(
        {"type": MARKS, "message": MARKS},
        optional=_optional(
            title=MARKS,
            name=MARKS,
            timestamp=st.sampled_from(["2026-11-26T13:33:20Z", "2026-11-26T14:33:20+0100", "2026-11-26"]),
            tags=st.lists(MARKS, max_size=2),
            severity=MARKS,
            priority=MARKS,
            creator=MARKS,
            data=MARKS,
        )
        | {"os.host": st.none() | MARKS},
    ),
    st.dictionaries(
        st.sampled_from(["host", "category", "source"]) | KEYS.filter(str.isalnum), VALUES, max_size=3
    ).map(lambda own: {key: value for key, value in own.items() if key not in _SEMATEXT_WORDS}),
)
_SEMATEXT_WORDS = {"title", "name", "timestamp", "tags"}
_SENSU_WORDS = {"source", "status", "name"}
_SENSU = st.builds(
    _with_own,
    st.fixed_dictionaries(
        {"output": MARKS, "status": st.integers(1, 3)},
        optional=_optional(
            executed=st.just(NOW), source=MARKS, handlers=st.lists(MARKS), interval=NUMBERS, command=MARKS
        ),
    ),
    OWN.map(lambda own: {key: value for key, value in own.items() if key not in _SENSU_WORDS}),
)


def _stackstate_body(message: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"collection_timestamp": NOW, "internalHostname": "edge-01", "events": {"custom": [message]}}


@dataclass(frozen=True)
class Way:
    """One way in, and the destination of the same system by which its messages go out unchanged."""

    messages: st.SearchStrategy[dict[str, Any]]
    path: str
    out: str
    """The destination, as `destination_example` names it."""
    may_add: frozenset[str]
    """What an unchanged message may have besides what came."""
    may_complete: frozenset[str] = frozenset()
    """Objects of it that may be told more."""
    fresh: Sequence[str] = ()
    """Fields that are to be new in every message, else another system hears nothing of it."""
    body: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict


WAYS: Mapping[str, Way] = {
    "stackstate": Way(
        _STACKSTATE,
        "/stsAgent/intake",
        "stackstate",
        frozenset({"event_type", "source_type_name", "host", "tags", "msg_text", "context"}),
        may_complete=frozenset({"context"}),
        body=_stackstate_body,
    ),
    "dynatrace v1": Way(_desk_v1(), V1.path, "dynatrace", frozenset({V1.start, V1.end, V1.attach})),
    "dynatrace v2": Way(_desk_v2(), V2.path, "dynatrace:v2", frozenset({V2.start, V2.end, V2.attach})),
    "sematext": Way(_SEMATEXT, "/any-token/event", "sematext", frozenset({"timestamp", "type"})),
    "sensu": Way(_SENSU, "/results", "sensu", frozenset({"source", "executed"}), fresh=("name",)),
}
