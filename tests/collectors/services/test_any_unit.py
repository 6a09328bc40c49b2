"""Whatever is said of a unit, its neighbours are told as before, and the collector goes on, also after a restart.

The bus is played: it answers for one sane service, and for others with any name whatever a D-Bus value can be.
"""

import json

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_to_raise import Fault, MadeUpError, places

from collectors._dbus import CallFailed, Signal
from collectors._services.scope import Scope, Watched
from collectors._services.systemd import NAME, Manager
from collectors._services.unit_memory import UnitMemory
from collectors._services.unit_state import SERVICE_INTERFACE, UNIT_INTERFACE, is_unit_name, unit_path
from collectors._services.watch import Watch
from collectors.collector import Absence
from collectors.event import encode

GOOD = "good.service"
PROPERTIES = "org.freedesktop.DBus.Properties"
NAMES = st.binary(min_size=1, max_size=40).map(
    lambda name: name.decode("utf-8", "surrogateescape") + ".service"
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
NUMBERS = ("StateChangeTimestampMonotonic", "ActiveEnterTimestampMonotonic", "InactiveExitTimestampMonotonic")
SANE = {
    "ActiveState": "active",
    "SubState": "running",
    "InvocationID": b"\x01" * 16,
    **dict.fromkeys(NUMBERS, 9),
}
ODD = st.dictionaries(
    st.sampled_from(
        [*SANE, "Job", "NRestarts", "Result", "Type", "BusName", "TriggeredBy", "WantedBy", "ExecStop"]
    ),
    VALUES,
    max_size=8,
)


class Over:
    """The request to end, of one run; it needs no descriptor, as nothing waits here."""

    is_over = False

    def is_set(self):
        return self.is_over


class Bus:
    """Answers as systemd would: for each unit with the values that the test gives it."""

    def __init__(self, units, signals, stop):
        self.units = units
        self.signals = list(signals)
        self.stop = stop

    def match(self, sender, **rule):
        pass

    def next_signal(self, timeout_seconds):
        if self.signals:
            return self.signals.pop(0)
        if timeout_seconds != 0:
            self.stop.is_over = True
        return None

    def call(self, call, **_):
        match call.method, call.body:
            case "Get", (_, "SystemState"):
                return (("s", "running"),)
            case "Get", _:
                return (("t", 1),)
            case "ListUnitsByPatterns", _:
                rows = [
                    (
                        unit,
                        "",
                        "loaded",
                        values.get("ActiveState", ""),
                        values.get("SubState", ""),
                        "",
                        "/",
                        0,
                        "",
                        "/",
                    )
                    for unit, values in self.units.items()
                ]
                return (rows,)
            case _:
                return ([],)

    def calls(self, calls, **_):
        return [self._property(call.path, call.body[1]) for call in calls]

    def _property(self, path, name):
        for unit, values in self.units.items():
            if unit_path(unit) == path and name in values:
                return (("v", values[name]),)
        return CallFailed("org.freedesktop.DBus.Error.UnknownObject", "there is none")


def changed(unit, values, interface=UNIT_INTERFACE):
    variants = {name: ("v", value) for name, value in values.items()}
    return Signal(NAME, unit_path(unit), PROPERTIES, "PropertiesChanged", (interface, variants, []))


def watch(recorder, units, signals, tmp, *, was_agent_down=True):
    """Run the collector once; return the events of that run."""
    before, stop = len(recorder.events), Over()
    runtime = msgspec.structs.replace(recorder.runtime, stop=stop, absence=Absence(was_agent_down))
    manager = Manager(Bus(units, signals, stop), tmp)
    Watch(manager, UnitMemory(recorder.memory, Scope([Watched(("*",), ())])), runtime).run()
    assert not runtime.absence.lasts
    events = recorder.events[before:]
    for event in events:
        json.loads(encode(event))
    return events


@pytest.fixture
def recorder(record):
    return record()


@pytest.fixture
def boot_id(tmp_path):
    (tmp_path / "boot_id").write_text("boot\n")
    return tmp_path / "boot_id"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # what it remembers is cleared
@given(data=st.data())
def test_whatever_is_said_of_a_unit_its_neighbours_are_told_as_before(recorder, boot_id, data):
    odd = data.draw(st.dictionaries(NAMES.filter(lambda name: name != GOOD), ODD, max_size=4))
    signals = [
        Signal(NAME, unit_path(unit), PROPERTIES, "PropertiesChanged", (SERVICE_INTERFACE, value, []))
        for unit, value in data.draw(st.lists(st.tuples(st.sampled_from([GOOD, *odd]), VALUES), max_size=4))
    ]
    signals += [changed(unit, values) for unit, values in odd.items()]
    signals += [
        Signal(NAME, "/", "", member, tuple(body))
        for member in ("JobRemoved", "UnitRemoved", "Reloading", "NameOwnerChanged")
        for body in data.draw(st.lists(st.lists(VALUES, max_size=4), max_size=1))
    ]
    recorder.memory.kept.clear()
    watch(recorder, odd | {GOOD: {}}, [], boot_id)
    for heard, expected in (([*signals, changed(GOOD, SANE)], ["ServiceStartedEvent"]), ([], [])):
        events = watch(recorder, odd | {GOOD: {} if heard else SANE}, heard, boot_id)
        assert [event.event_type for event in events if event.data.get("unit") == GOOD] == expected


def test_a_unit_that_cannot_be_read_is_told_once_and_again_when_it_is_odd_again(record, boot_id):
    recorder, odd = record(), SANE | {"InvocationID": "no bytes"}
    [event] = watch(recorder, {"odd.service": odd, GOOD: SANE}, [], boot_id)
    assert (event.event_type, event.data["unit"]) == ("WatchDegradedEvent", "odd.service")
    assert watch(recorder, {"odd.service": odd, GOOD: SANE}, [changed("odd.service", odd)], boot_id) == []
    assert "cannot read 1, as odd.service" in recorder.reports[-1]
    watch(recorder, {"odd.service": SANE, GOOD: SANE}, [changed("odd.service", SANE)], boot_id)
    [event] = watch(recorder, {"odd.service": odd, GOOD: SANE}, [], boot_id)
    assert event.event_type == "WatchDegradedEvent"


@pytest.mark.parametrize("was_agent_down", [True, False])
def test_what_happened_while_only_the_collector_was_away_is_not_told_as_while_the_agent_was_down(
    record, boot_id, was_agent_down
):
    recorder = record()
    watch(recorder, {GOOD: {}}, [], boot_id)
    [event] = watch(recorder, {GOOD: SANE}, [], boot_id, was_agent_down=was_agent_down)
    assert event.event_type == "ServiceStartedEvent"
    assert event.data.get("while_agent_down", False) is was_agent_down


def test_memory_that_makes_no_sense_is_learnt_anew(record, boot_id):
    recorder = record()
    watch(recorder, {GOOD: SANE}, [], boot_id)
    recorder.memory.kept |= dict.fromkeys(recorder.memory.kept, b"\xff{")
    assert watch(recorder, {GOOD: SANE}, [], boot_id) == []


def test_the_names_that_systemd_takes_are_those_of_its_manual():
    assert all(map(is_unit_name, ("a.service", "a-b@c\\x2dd:e_f.service", "x" * 247 + ".service")))
    assert not any(
        map(is_unit_name, ("", "a b.service", "é.service", "a\n.service", "x" * 260, "\udcff.service"))
    )


def test_whatever_one_unit_makes_the_collector_raise_its_neighbour_is_told(record, boot_id):
    counting = Fault("bad", "good", 0)
    start_both(record(), boot_id, counting)
    assert counting.calls > 0
    for at in places(counting.calls):
        fault = Fault("bad", "good", at)
        try:
            start_both(record(), boot_id, fault)
        except (AssertionError, MadeUpError) as error:
            raise AssertionError(f"{fault.raised} raised: {error!r}") from error


def start_both(recorder, boot_id, fault):
    """Start a sane unit and one that makes trouble: it is told itself, or its trouble is, and after a restart no more of it."""
    watch(recorder, {"bad.service": {}, GOOD: {}}, [], boot_id)
    with fault.here():
        events = watch(
            recorder,
            {"bad.service": {}, GOOD: {}},
            [changed("bad.service", SANE), changed(GOOD, SANE)],
            boot_id,
        )
    units = [event.data.get("unit") for event in events]
    assert units.count(GOOD) == 1
    assert "bad.service" in units
    again = watch(recorder, {"bad.service": SANE, GOOD: SANE}, [], boot_id)
    assert not [event for event in again if event.event_type == "WatchDegradedEvent"]
    assert not [event for event in again if event.data["unit"] == GOOD]
