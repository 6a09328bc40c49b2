"""Which origin follows from what is known: a table of cases, and what holds for whatever is claimed."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from collectors._origin.claim import Claim, How, Kind
from collectors._origin.decide import Origin, decide


def by_log(kind="package", name="nginx 2", *, how="package-log", **facts):
    return Claim(kind=kind, how=how, is_direct=True, name=name, **facts)


def under_way(kind="package", name="nginx 2", how="package-log"):
    return Claim(kind=kind, how=how, is_direct=False, name=name)


def session(user="alice", unit="session-3.scope"):
    return Claim(
        kind="person", how="session", is_direct=False, name=f"{user} on pts/0", login_user=user, unit=unit
    )


def process(kind="person", *, part_of=(), may_be_of=(), **facts):
    facts = {"login_user": "alice", "unit": "session-3.scope", "program": "vim", "pid": 7, **facts}
    return Claim(
        kind=kind,
        how="process",
        is_direct=True,
        part_of=frozenset(part_of),
        may_be_of=frozenset(may_be_of),
        **facts,
    )


def by_service(**facts):
    return process("service", login_user="", unit="app.service", program="app", **facts)


REPORT = by_log("puppet", "run-1", how="report")
DPKG = process(program="dpkg", part_of={"package"})
SCRIPT = process(program="sed", may_be_of={"package"})
BY_TIMER = Claim(kind="timer", how="job", is_direct=True, unit="tick.timer")

CASES = [
    # what is claimed, who it was, what says so
    ([], "unknown", ""),
    ([session()], "unknown", "session"),
    ([under_way(), session()], "unknown", "package-log,session"),
    ([by_log()], "package", "package-log"),
    ([by_log(), session()], "package", "package-log"),
    ([REPORT], "puppet", "report"),
    ([REPORT, by_log()], "unknown", "package-log,report"),
    ([process()], "person", "process"),
    ([process(), session()], "person", "process,session"),
    ([process(), session("bob", "session-4.scope")], "person", "process"),
    ([process(), session("bob")], "unknown", "process"),
    ([by_service()], "service", "process"),
    ([process("timer", unit="cron.service", login_user="")], "timer", "process"),
    ([BY_TIMER], "timer", "job"),
    # a process and a work
    ([DPKG, by_log()], "package", "process,package-log"),
    ([DPKG, under_way()], "package", "process,package-log"),
    ([DPKG], "person", "process"),
    ([SCRIPT, under_way()], "unknown", "process,package-log"),
    ([SCRIPT, by_log()], "unknown", "process,package-log"),
    ([SCRIPT], "person", "process"),
    ([process(), by_log()], "unknown", "process,package-log"),
    ([process(), under_way()], "person", "process"),
    ([process(part_of={"puppet"}), REPORT], "puppet", "process,report"),
    ([process("ansible"), under_way()], "ansible", "process"),
    ([DPKG, by_log(login_user="alice")], "package", "process,package-log"),
    ([DPKG, by_log(login_user="bob")], "unknown", "process,package-log"),
    # two processes
    ([process(), process(pid=8, program="tee")], "person", "process"),
    ([process(), process(login_user="bob", unit="session-4.scope")], "unknown", "process"),
    ([process(), by_service()], "unknown", "process"),
    ([DPKG, process(pid=8), by_log()], "unknown", "process,package-log"),
]


@pytest.mark.parametrize(("claims", "kind", "how"), CASES)
def test_each_case_has_its_one_answer(claims, kind, how):
    origin = decide(claims)
    assert (origin.kind, ",".join(origin.how)) == (kind, how)


def test_what_is_contradictory_names_nobody():
    origin = decide([process(), by_log(program="apt-get", login_user="bob")])
    assert origin == Origin(how=("process", "package-log"))


def test_what_the_kernel_says_of_the_process_stays_where_only_the_kind_is_open():
    origin = decide([SCRIPT, under_way(), session()])
    assert (origin.kind, origin.program, origin.login_user, origin.pid) == ("unknown", "sed", "alice", 7)
    assert origin.name == "package nginx 2"


def test_two_programs_of_one_session_are_its_person_without_a_program():
    origin = decide([process(), process(pid=8, program="tee")])
    assert (origin.login_user, origin.unit, origin.program, origin.pid) == ("alice", "session-3.scope", "", 0)


def test_a_package_has_the_name_of_its_version_and_the_person_who_asked_for_it():
    assert decide([DPKG, by_log(program="apt-get")]).as_data() == {
        "origin": "package",
        "origin_how": "process,package-log",
        "origin_name": "nginx 2",
        "origin_login_user": "alice",
        "origin_program": "dpkg",
        "origin_pid": 7,
        "origin_unit": "session-3.scope",
    }


def test_who_is_merely_logged_in_is_named_as_that_and_as_nobody_who_did_it():
    assert decide([session(), session("bob", "session-4.scope")]).as_data() == {
        "origin": "unknown",
        "origin_how": "session",
        "origin_name": "alice on pts/0, bob on pts/0",
    }


# --- whatever is claimed

KINDS = [kind for kind in get_args(Kind) if kind != "unknown"]
SOME_WORKS = st.sampled_from([frozenset(), frozenset({"package"}), frozenset({"package", "puppet"})])
WORD = st.sampled_from(["", "a", "b"])
PROCESSES = st.builds(
    process,
    st.sampled_from(["person", "service", "timer", "ansible"]),
    part_of=SOME_WORKS,
    may_be_of=SOME_WORKS,
    login_user=WORD,
    unit=WORD,
    program=WORD,
    pid=st.integers(0, 2),
)
OTHERS = st.builds(
    Claim,
    kind=st.sampled_from(KINDS),
    how=st.sampled_from([how for how in get_args(How) if how != "process"]),
    is_direct=st.booleans(),
    name=WORD,
    login_user=WORD,
    unit=WORD,
    program=WORD,
)
CLAIMS = st.lists(PROCESSES | OTHERS, max_size=5)


@given(CLAIMS, st.randoms())
def test_neither_the_order_nor_a_repetition_makes_a_difference(claims, random):
    again = [*claims, *claims]
    random.shuffle(again)
    assert decide(again) == decide(claims)


@given(CLAIMS)
def test_a_kind_is_only_what_something_claims_directly_or_a_process_is_part_of(claims):
    kind = decide(claims).kind
    direct = {claim.kind for claim in claims if claim.is_direct}
    parts = {part for claim in claims if claim.how == "process" for part in claim.part_of}
    around = {claim.kind for claim in claims if not claim.is_direct}
    assert kind == "unknown" or kind in direct or kind in parts & around


@given(CLAIMS)
def test_a_package_or_a_run_is_named_only_where_a_log_or_a_report_has_it(claims):
    kind = decide(claims).kind
    if kind in {"package", "puppet"}:
        assert kind in {claim.kind for claim in claims if claim.how != "process"} or any(
            claim.kind == kind for claim in claims if claim.is_direct
        )


@given(CLAIMS)
def test_no_name_is_shown_of_somebody_else_than_who_claims_directly_have(claims):
    origin = decide(claims)
    for key in ("login_user", "unit", "program", "pid"):
        value = getattr(origin, key)
        assert not value or value in {getattr(claim, key) for claim in claims if claim.how != "session"}


@given(CLAIMS, st.sampled_from(["login_user", "unit"]))
def test_a_second_name_for_who_it_was_makes_it_unknown(claims, key):
    direct = [claim for claim in claims if claim.is_direct and getattr(claim, key)]
    if direct:
        other = replace(direct[0], **{key: "somebody else"})
        assert decide([*claims, other]) == Origin(how=decide([*claims, other]).how)


@given(CLAIMS, OTHERS.filter(lambda claim: claim.is_direct))
def test_more_evidence_may_confirm_an_origin_or_undo_it_and_never_turns_one_kind_into_another(claims, more):
    if any(claim.is_direct for claim in claims):
        before, after = decide(claims).kind, decide([*claims, more]).kind
        may_turn = before in {
            "person",
            "service",
            "timer",
            "unknown",
        }  # a process that turns out to be a work's
        assert after in {before, "unknown"} | ({more.kind} if may_turn else set())


@given(CLAIMS)
def test_what_merely_was_there_makes_nothing_certain(claims):
    around = [claim for claim in claims if not claim.is_direct]
    origin = decide(around)
    assert origin.kind == "unknown"
    assert not any((origin.login_user, origin.program, origin.pid, origin.unit))
