"""What is known to run, compared with what runs."""

from collectors._processes.match import Process, Wanted, find
from collectors._processes.proc import Ending, parse_ticks
from collectors._processes.transitions import Running, Sight, State, compare, encode, take_up

BOOT, NEXT = "boot-1:5", "boot-2:7"
WORKER = Wanted(label="worker", cmdline="*worker.py*", tags=("app:worker",))
OTHER = Wanted(label="other", exe="/usr/bin/other")
PROCESS = Process(
    pid=7, ticks=100, created=1000.5, exe="/usr/bin/python3.11", cmdline=("python3", "worker.py"), user="anna"
)
NOTHING = State({}, {}, frozenset({WORKER.signature}))


def sight(*processes, entries=(WORKER,), now=2000.0, **more):
    running = {process.key: Running(process, entries) for process in processes}
    return Sight(running=running, endings=more.pop("endings", {}), now=now, **more)


def look(state, seen, wanted=(WORKER,), mark=BOOT):
    """Return the state as it comes back from the memory, and (type, data) of what is told."""
    state, events = compare(state, seen, wanted, mark)
    return take_up(encode(state), mark), [(event.event_type, event.data) for event in events]


def test_the_first_sight_is_silent():
    assert look(State({}, {}), sight(PROCESS))[1] == []


def test_a_start_is_told_with_the_time_it_happened_and_once():
    state, events = compare(NOTHING, sight(PROCESS), [WORKER], BOOT)
    [event] = events
    assert (event.event_type, event.timestamp, event.tags) == ("ProcessStartedEvent", 1000, ("app:worker",))
    assert event.data == {
        "name": "worker",
        "pid": 7,
        "exe": "/usr/bin/python3.11",
        "user": "anna",
        "create_time": 1000500,
    }
    assert look(state, sight(PROCESS))[1] == []


def test_a_command_line_may_hold_secrets_and_is_never_told():
    secret = Process(pid=1, ticks=1, cmdline=("worker.py", "--password=hunter2"))
    _, [event] = compare(NOTHING, sight(secret), [WORKER], BOOT)
    assert "hunter2" not in repr(event)


def test_an_end_is_told_with_its_status_where_that_is_known():
    state, _ = look(NOTHING, sight(PROCESS))
    for ending, data in (
        (Ending(1500.0, exit_code=3), {"exit_code": 3}),
        (Ending(1500.0, signal="SIGKILL"), {"signal": "SIGKILL"}),
        (Ending(1500.0), {}),
    ):
        _, [event] = compare(state, sight(endings={PROCESS.key: ending}), [WORKER], BOOT)
        assert (event.event_type, event.timestamp) == ("ProcessStoppedEvent", 1500)
        assert {k: v for k, v in event.data.items() if k in {"exit_code", "signal"}} == data


def test_a_pid_that_is_anothers_by_now_is_an_end_and_a_start():
    state, _ = look(NOTHING, sight(PROCESS))
    again = Process(pid=7, ticks=900, cmdline=("python3", "worker.py"))
    assert [kind for kind, _ in look(state, sight(again))[1]] == [
        "ProcessStoppedEvent",
        "ProcessStartedEvent",
    ]


def test_what_happened_while_the_agent_was_down_is_marked():
    state, _ = look(NOTHING, sight(PROCESS))
    again = Process(pid=8, ticks=900, cmdline=("python3", "worker.py"))
    assert all(data["while_agent_down"] for _, data in look(state, sight(again, late=True))[1])


def test_what_runs_again_after_a_boot_is_no_news():
    state, _ = look(NOTHING, sight(PROCESS))
    state = take_up(encode(state), NEXT)
    state, told = look(state, sight(boot_is_over=False), mark=NEXT)
    assert told == []
    again = Process(pid=9, ticks=50, cmdline=("python3", "worker.py"))
    state, told = look(state, sight(again, boot_is_over=False), mark=NEXT)
    assert told == []
    assert look(state, sight(again), mark=NEXT)[1] == []


def test_what_does_not_run_again_is_told_when_the_boot_has_had_its_time():
    state, _ = look(NOTHING, sight(PROCESS))
    state = take_up(encode(state), NEXT)
    state, _ = look(state, sight(boot_is_over=False), mark=NEXT)
    state, [(kind, data)] = look(state, sight(), mark=NEXT)
    assert (kind, data["pid"], data["after_boot"]) == ("ProcessStoppedEvent", 7, True)
    assert look(state, sight(), mark=NEXT)[1] == []


def test_an_entry_that_was_added_begins_silently_and_one_that_was_removed_ends_so():
    both = (WORKER, OTHER)
    state, told = look(NOTHING, sight(PROCESS, entries=(OTHER,)), both)
    assert told == []
    state, told = look(state, sight(), (WORKER,))
    assert told == []


def test_a_server_and_the_workers_it_forks_are_one():
    children = [Process(pid=n, ticks=1, parent=7, cmdline=("python3", "worker.py")) for n in (20, 21)]
    stranger = Process(pid=30, ticks=1, cmdline=("vi", "notes"))
    assert find(WORKER, [children[0], PROCESS, children[1], stranger], {}) == [PROCESS]


def test_braces_of_a_pattern_stand_for_each_of_what_they_hold_and_for_themselves():
    process = Process(pid=1, ticks=1, name="worker", cmdline=("job", '{"a":1,"b":2}'), user="root")
    assert Wanted(label="x", name="{work,help}er").matches(process)
    assert not Wanted(label="x", name="{helper,other}").matches(process)
    assert Wanted(label="x", cmdline='job {"a":1,"b":2}').matches(process)


def test_every_pattern_must_fit_and_the_executable_may_be_named_as_it_was_called(tmp_path):
    real, link = tmp_path / "python3.11", tmp_path / "python3"
    real.touch()
    link.symlink_to(real)
    process = Process(
        pid=1, ticks=1, name="python3", exe=str(real), cmdline=("/usr/local/bin/py", "x"), user="root"
    )
    either = str(tmp_path / "{python2,python3}")
    for exe in (str(link), str(real), "/usr/local/bin/py", "*/python3.?1", either):
        assert Wanted(label="", exe=exe).matches(process)
        assert not Wanted(label="", exe=exe, user="anna").matches(process)
    assert not Wanted(label="", exe="/bin/sh").matches(process)


def test_a_start_time_is_read_past_a_name_with_blanks_and_parentheses():
    assert parse_ticks("7 (a) b (c) S " + " ".join(str(n) for n in range(4, 53))) == 22
