"""The `host` collector run against a bus of the test's own, with a logind and a systemd that we play."""

import contextlib
import os
import select
import shutil
import subprocess
import threading

import msgspec
import pytest

from collectors._dbus import Bus, BusLost
from collectors._host.boot import Boot
from collectors._host.clock import Instant
from collectors._host.previous_shutdown import Ended, Ending
from collectors._host.recorder import MOST_STAMPS, Sources
from collectors._host.recorder import Recorder as Diary
from collectors._host.shutdown_state import NOBODY_TO_ASK, read_kind
from collectors.collector import NotApplicable, NotKept
from collectors.host import Host
from collectors.registry import COLLECTORS

NOON = 1_800_000_000
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow own="*"/><allow eavesdrop="true"/></policy>
</busconfig>"""
PATIENCE_SECONDS = 120


class FakeSystem:
    """A host's clocks, its boot, and what it noted: all of them set by the test."""

    def __init__(self):
        self.boot = Boot(boot_id="first", kernel="6.1")
        self.up = 1000.0
        self.slept = 0.0
        self.ended = Ended(None, 0)
        self.has_agent_in_image = False

    def read_instant(self):
        return Instant(wall=NOON + self.up, boottime=self.up, monotonic=self.up - self.slept, trusted=True)

    def sources(self, heartbeat_seconds=3600.0):
        return Sources(
            read_instant=self.read_instant,
            read_place=lambda: None,
            read_ended=lambda _: self.ended,
            started_with_boot=lambda _, __: self.has_agent_in_image,
            heartbeat_seconds=heartbeat_seconds,
        )

    def reboot(self):
        self.boot = Boot(boot_id="second", kernel="6.1")


def no_bus(_):
    raise BusLost("no bus here")


def host(system, *, open_bus=no_bus, kind=lambda: "", heartbeat_seconds=3600.0):
    return Host(
        read_boot=lambda: system.boot,
        sources=system.sources(heartbeat_seconds),
        open_bus=open_bus,
        read_kind=kind,
    )


def types(recorder):
    return [event.event_type for event in recorder.events]


@pytest.fixture
def system():
    return FakeSystem()


def test_it_is_on_by_default():
    assert COLLECTORS["host"].default is not None


def test_the_first_start_remembers_and_tells_nothing(record, system):
    recorder = record().start(host(system))
    recorder.wait_for_report("no word from logind")
    recorder.end()
    assert recorder.events == []
    assert recorder.memory.kept


def test_the_first_boot_of_an_image_with_the_agent_in_it_is_told_once(record, system):
    system.has_agent_in_image = True
    first = record().start(host(system))
    [booted] = first.wait_for_events(1)
    first.end()
    assert booted.event_type == "HostBootedEvent"
    assert (booted.data["previous_shutdown"], booted.data["last_seen"]) == ("unknown", None)
    assert booted.source_identifier == "first:booted"
    again = record(first.memory).start(host(system))
    again.wait_for_report("no word from logind")
    again.end()
    assert again.events == []


def test_an_agent_stopped_alone_tells_nothing_then_or_at_its_next_start(record, system):
    first = record().start(host(system))
    first.wait_for_report("no word from logind")
    first.end()
    again = record(first.memory).start(host(system))
    again.wait_for_report("no word from logind")
    assert first.events == again.events == []


def test_a_stop_while_the_host_reboots_is_its_shutdown_and_the_next_start_its_boot(record, system):
    first = record().start(host(system, kind=lambda: "reboot"))
    first.wait_for_report("no word from logind")
    first.end()
    [shutdown] = first.events
    assert shutdown.event_type == "HostShutdownEvent"
    assert shutdown.data == {"boot_id": "first", "kind": "reboot"}
    assert shutdown.source_identifier == "first:shutdown"
    system.reboot()
    again = record(first.memory).start(host(system))
    [booted] = again.wait_for_events(1)
    assert booted.data["previous_shutdown"] == "clean"


def test_where_nobody_can_be_asked_a_shutdown_that_was_noted_is_told_at_the_next_start(record, system):
    first = record().start(host(system, kind=lambda: NOBODY_TO_ASK))
    first.wait_for_report("no word from logind")
    first.end()
    assert first.events == []
    system.reboot()
    system.ended = Ended(Ending("wtmp", NOON + 1000), 1)
    again = record(first.memory).start(host(system))
    shutdown, booted = again.wait_for_events(2)
    assert shutdown.data == {"boot_id": "first", "kind": "unknown", "noted_by": "wtmp"}
    assert booted.data["previous_shutdown"] == "clean"


def test_a_killed_agent_and_a_new_boot_are_a_crash(record, system):
    killed = record().start(host(system))
    killed.wait_for_report("no word from logind")
    kept = dict(killed.memory.kept)
    killed.end()
    killed.memory.kept = kept  # what a SIGKILL would have left
    system.reboot()
    again = record(killed.memory).start(host(system))
    again.wait_for_events(2)
    assert types(again) == ["HostCrashedEvent", "HostBootedEvent"]


def test_a_boot_that_the_spool_did_not_take_is_told_by_the_next_run(record, system):
    first = record().start(host(system, kind=lambda: "poweroff"))
    first.wait_for_report("no word from logind")
    first.end()
    system.reboot()
    refused = record(first.memory)
    refused.full = True
    with pytest.raises(NotKept):
        host(system).run(refused.runtime)
    again = record(first.memory).start(host(system))
    again.wait_for_events(1)
    assert types(again) == ["HostBootedEvent"]


def test_of_twelve_heartbeats_eleven_are_stamped_and_one_is_remembered(record, system):
    recorder = record()
    diary = Diary.begin(recorder.runtime, system.boot, system.sources())
    for _ in range(3 * (MOST_STAMPS + 1)):
        diary.beat()
    assert (len(recorder.emits), recorder.stamp.count) == (1 + 3, 3 * MOST_STAMPS)
    assert recorder.events == []
    assert all(len(remember) == 1 for _, remember in recorder.emits)


def test_a_spool_that_takes_nothing_ends_no_heartbeat(record, system):
    recorder = record()
    diary = Diary.begin(recorder.runtime, system.boot, system.sources())
    recorder.full = True
    for _ in range(100):
        diary.beat()
    assert (len(recorder.emits), recorder.stamp.count) == (1, 100)
    recorder.full = False
    diary.beat()
    assert len(recorder.emits) == 2


def test_where_nothing_can_be_stamped_each_heartbeat_is_remembered(record, system):
    recorder = record().start(host(system, heartbeat_seconds=0.01))
    recorder.stamp.fails = True
    count = len(recorder.emits)
    recorder.wait_for(lambda: len(recorder.emits) > count + 3)
    assert recorder.events == []


@pytest.fixture
def crashed(record, system):
    """Return what is left of a run that remembered at 1000 s, stamped at 1200 s and was never heard of again."""
    first = record()
    diary = Diary.begin(first.runtime, system.boot, system.sources())
    system.up = 1200.0
    diary.beat()
    system.reboot()
    system.up = 10.0
    return first.memory


def last_seen(record, system, memory):
    crash, _ = record(memory).start(host(system)).wait_for_events(2)
    assert (crash.event_type, crash.timestamp) == ("HostCrashedEvent", crash.data["last_seen"])
    return crash.timestamp - NOON


def test_a_crash_is_told_by_the_last_stamp(record, system, crashed):
    assert last_seen(record, system, crashed) == 1200


def test_a_stamp_that_is_lost_or_of_no_version_we_know_leaves_what_was_remembered(record, system, crashed):
    for left in (None, b"", b'{"of": "tomorrow"}', b"[1]"):
        memory = record().memory
        memory.kept, memory.stamped = dict(crashed.kept), left
        assert last_seen(record, system, memory) == 1000


def test_a_stamp_beside_another_mark_counts_for_nothing(record, system, crashed):
    mark = msgspec.json.decode(crashed.kept["mark"])
    crashed.kept["mark"] = msgspec.json.encode(mark | {"shutdowns": 1})
    assert last_seen(record, system, crashed) == 1000


def test_sleep_is_told_by_the_clocks_where_logind_is_absent(record, system):
    recorder = record().start(host(system, heartbeat_seconds=0.01))
    recorder.wait_for(lambda: len(recorder.emits) > 1)
    system.up, system.slept = system.up + 500, system.slept + 500
    recorder.wait_for_events(2)
    recorder.end()
    assert types(recorder) == ["HostSuspendedEvent", "HostResumedEvent"]
    assert recorder.events[1].data["slept_seconds"] == 500


def test_a_container_without_an_init_is_not_applicable(record, system):
    def never_boots():
        raise NotApplicable("no init")

    recorder = record().start(Host(read_boot=never_boots, sources=system.sources()))
    with pytest.raises(NotApplicable):
        recorder.end()
    assert recorder.emits == []


class Manager:
    """logind and systemd on a bus: it counts inhibitors, warns, and knows jobs."""

    def __init__(self, path):
        from jeepney import message_bus
        from jeepney.io.blocking import open_dbus_connection

        self.jobs = []
        self.state = "running"
        self.refuses = False
        self._connection = open_dbus_connection(f"unix:path={path}", enable_fds=True)
        for name in ("org.freedesktop.login1", "org.freedesktop.systemd1"):
            self._connection.send_and_get_reply(message_bus.RequestName(name))
        self._held = []
        self._lock = threading.Condition()
        self._outgoing = []
        self._wake_read, self._wake_write = os.pipe()
        self._ended = False
        self._thread = threading.Thread(target=self._serve, name="manager")
        self._thread.start()

    def _serve(self):
        poll = select.poll()
        poll.register(self._connection.sock, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while not self._ended:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._wake_read in ready:
                os.read(self._wake_read, 64)
            with self._lock:
                outgoing, self._outgoing = self._outgoing, []
            for message in outgoing:
                self._connection.send(message)
            if self._connection.sock.fileno() in ready:
                with contextlib.suppress(TimeoutError):
                    self._answer(self._connection.receive(timeout=0))

    def _answer(self, message):
        from jeepney import HeaderFields, MessageType, new_error, new_method_return

        if message.header.message_type is not MessageType.method_call:
            return
        match message.header.fields[HeaderFields.member]:
            case "Inhibit" if self.refuses:
                denied = "org.freedesktop.DBus.Error.AccessDenied"
                self._connection.send(new_error(message, denied, "s", ("Access denied",)))
            case "Inhibit" if message.body[0] in {"shutdown", "sleep"}:
                ours, theirs = os.pipe()
                self._connection.send(new_method_return(message, "h", (theirs,)))
                os.close(theirs)
                with self._lock:
                    self._held.append(ours)
                    self._lock.notify_all()
            case "Get":
                self._connection.send(new_method_return(message, "v", (("s", self.state),)))
            case "ListJobs":
                jobs = [(1, unit, "start", "waiting", "/job", "/unit") for unit in self.jobs]
                self._connection.send(new_method_return(message, "a(usssoo)", (jobs,)))

    def warn(self, member, signature, *body):
        from jeepney import DBusAddress, new_signal

        address = DBusAddress("/org/freedesktop/login1", interface="org.freedesktop.login1.Manager")
        with self._lock:
            self._outgoing.append(new_signal(address, member, signature, body))
        os.write(self._wake_write, b"x")

    def wait_until_held(self, times=1):
        """Wait until both inhibitors were asked for, of shutdowns and of sleep."""
        with self._lock:
            assert self._lock.wait_for(lambda: len(self._held) >= 2 * times, PATIENCE_SECONDS)

    def wait_until_let_go(self):
        """Wait as logind does: for the end of the pipe whose other end the agent was given."""
        for held in self._held[-2:]:
            poll = select.poll()
            poll.register(held, select.POLLIN | select.POLLHUP)
            assert poll.poll(PATIENCE_SECONDS * 1000), "the inhibitor is still held"

    def close(self):
        self._ended = True
        os.write(self._wake_write, b"x")
        self._thread.join()
        self._connection.close()
        for descriptor in [*self._held, self._wake_read, self._wake_write]:
            os.close(descriptor)


@contextlib.contextmanager
def dbus_daemon(path):
    config = path.with_suffix(".conf")
    config.write_text(CONFIG.format(path=path))
    with subprocess.Popen(
        ["dbus-daemon", "--nofork", "--print-address", f"--config-file={config}"], stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()  # it listens from here on
        yield
        process.terminate()
    path.unlink(missing_ok=True)


@pytest.fixture
def bus_path(tmp_path):
    if shutil.which("dbus-daemon") is None:
        pytest.skip("needs dbus-daemon: make test-deps")
    with dbus_daemon(tmp_path / "bus"):
        yield tmp_path / "bus"


@pytest.fixture
def manager(bus_path):
    manager = Manager(bus_path)
    yield manager
    manager.close()


@pytest.fixture
def watched(record, system, bus_path):
    """Return a function that starts the collector on the bus."""

    def start(memory=None):
        recorder = record(memory)
        return recorder.start(
            host(
                system,
                open_bus=lambda stop: Bus(str(bus_path), stop=stop, unix_fds=True),
                kind=lambda: read_kind(open_bus=lambda: Bus(str(bus_path))),
            )
        )

    return start


def test_a_shutdown_is_told_with_its_kind_once_systemd_has_the_job(watched, manager):
    recorder = watched()
    manager.wait_until_held()
    manager.warn("PrepareForShutdown", "b", True)
    manager.wait_until_let_go()
    manager.jobs = ["reboot.target", "shutdown.target"]
    [shutdown] = recorder.wait_for_events(1)
    assert shutdown.data["kind"] == "reboot"
    recorder.end()
    assert len(recorder.events) == 1


def test_where_logind_says_the_kind_it_is_told_and_sent_before_logind_goes_on(watched, manager):
    recorder = watched()
    manager.wait_until_held()
    manager.warn("PrepareForShutdownWithMetadata", "ba{sv}", True, {"type": ("s", "soft-reboot")})
    manager.warn("PrepareForShutdown", "b", True)
    manager.wait_until_let_go()
    assert [event.data["kind"] for event in recorder.events] == ["soft-reboot"]
    assert len(recorder.flushes) == 1
    recorder.end()
    assert len(recorder.events) == 1


def test_an_announced_shutdown_whose_kind_never_showed_is_told_at_the_stop(watched, manager):
    recorder = watched()
    manager.wait_until_held()
    manager.warn("PrepareForShutdown", "b", True)
    manager.wait_until_let_go()
    manager.state = "stopping"
    recorder.end()
    assert [event.data["kind"] for event in recorder.events] == ["unknown"]


def test_a_cancelled_shutdown_leaves_the_host_running_and_logind_waiting_again(watched, manager):
    recorder = watched()
    manager.wait_until_held()
    manager.warn("PrepareForShutdownWithMetadata", "ba{sv}", True, {"type": ("s", "reboot")})
    manager.wait_until_let_go()
    manager.warn("PrepareForShutdown", "b", False)
    manager.wait_until_held(times=2)
    manager.warn("PrepareForShutdownWithMetadata", "ba{sv}", True, {"type": ("s", "poweroff")})
    recorder.wait_for_events(2)
    identifiers = [event.source_identifier for event in recorder.events]
    assert identifiers == ["first:shutdown", "first:shutdown:1"]


def test_sleep_and_waking_are_told_with_how_long_it_slept(watched, manager, system):
    recorder = watched()
    manager.wait_until_held()
    for turn in (1, 2):
        manager.warn("PrepareForSleep", "b", True)
        manager.wait_until_let_go()
        system.up, system.slept = system.up + 300, system.slept + 290
        manager.warn("PrepareForSleep", "b", False)
        manager.wait_until_held(times=turn + 1)
    recorder.end()
    assert types(recorder) == ["HostSuspendedEvent", "HostResumedEvent"] * 2
    assert [event.data.get("slept_seconds") for event in recorder.events] == [None, 290, None, 290]


def test_without_leave_to_hold_logind_its_warnings_are_heeded_all_the_same(watched, manager):
    manager.refuses = True
    recorder = watched()
    recorder.wait_for_report(
        "a shutdown or sleep may be told late: logind waits for the agent only where polkit allows it"
    )
    manager.jobs = ["poweroff.target"]
    manager.warn("PrepareForShutdown", "b", True)
    [shutdown] = recorder.wait_for_events(1)
    assert shutdown.data["kind"] == "poweroff"


def test_a_stop_while_systemd_goes_on_is_no_shutdown(watched, manager):
    recorder = watched()
    manager.wait_until_held()
    recorder.end()
    manager.wait_until_let_go()
    assert recorder.events == []


def test_a_bus_that_is_restarted_is_listened_to_again(record, system, tmp_path):
    if shutil.which("dbus-daemon") is None:
        pytest.skip("needs dbus-daemon: make test-deps")
    path = tmp_path / "bus"
    recorder = record()
    collector = host(
        system, open_bus=lambda stop: Bus(str(path), stop=stop, unix_fds=True), heartbeat_seconds=0.05
    )
    for _ in range(2):
        with dbus_daemon(path), contextlib.closing(Manager(path)) as manager:
            if not recorder.reports:
                recorder.start(collector)
            manager.wait_until_held()
    recorder.wait_for_report("no word from logind")
    assert recorder.events == []


def test_a_mark_of_another_version_is_silently_learnt_anew(record, system):
    recorder = record()
    recorder.memory.kept["mark"] = msgspec.json.encode({"of": "the future"})
    recorder.start(host(system))
    recorder.wait_for_report("no word from logind")
    assert recorder.events == []
