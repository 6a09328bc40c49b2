"""A refused event is found, alone, in order; a destination that refuses everything makes no event guilty."""

from hypothesis import given
from hypothesis import strategies as st

from agent.delivery.bisection import FEW, PATIENCE, Bisection, Verdict


def hunt(search, poison, *, requests=100_000, sent=None):
    """Play a destination that refuses poisoned events; return the requests made until the end or a rest."""
    for made in range(requests):
        if search.current is None or search.wants_pause:
            return made
        part = search.current
        if any(at in poison for at in part):
            search.refused("bad", 400)
        else:
            if sent is not None:
                sent.extend(part)
            search.accepted()
    raise AssertionError("it does not end")


def found(search):
    return {at for at, verdict in enumerate(search.verdicts) if verdict is Verdict.REJECTED}


def test_one_among_a_thousand_is_found_in_few_requests():
    for at in (0, 1, 499, 500, 998, 999):
        search = Bisection([range(1000)])
        assert hunt(search, {at}) <= 30
        assert found(search) == {at}
        assert search.settled == 1000


@given(
    st.integers(2, 200).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 2), max_size=6)))
)
def test_some_are_found_and_all_others_delivered_once_in_order(case):
    count, poison = case
    search, sent = Bisection([range(count)]), []
    hunt(search, poison, sent=sent)
    while search.wants_pause and search.current is not None:
        search.paused()
        hunt(search, poison, sent=sent)
    assert found(search) == poison
    assert sent == [at for at in range(count) if at not in poison]


@given(st.integers(1, 300))
def test_a_destination_that_refuses_everything_makes_none_guilty(count):
    search = Bisection([range(count)])
    assert hunt(search, set(range(count))) <= PATIENCE
    for _ in range(100):
        search.paused()
        hunt(search, set(range(count)))
    assert found(search) == set()
    assert search.settled == 0


@given(st.integers(1, 100), st.integers(1, 20), st.lists(st.integers(1, 3), max_size=3))
def test_one_that_is_well_again_after_a_pause_gets_all_in_order(count, pauses, joining):
    search, sent = Bisection([range(at, at + 1) for at in range(count)]), []
    for _ in range(pauses):
        hunt(search, set(range(1000)))
        if joining and search.is_in_doubt:
            more = joining.pop()
            search.join([range(count, count + more)])
            count += more
        search.paused()
    hunt(search, set(), sent=sent)
    assert sent == [*range(count)]
    assert found(search) == set()


@given(st.integers(20, 300), st.integers(1, 40))
def test_one_that_breaks_midway_makes_at_most_a_few_guilty(count, good_requests):
    search = Bisection([range(count)])
    search.refused("bad", 400)
    for _ in range(good_requests):
        if search.current is not None:
            search.accepted()
    for _ in range(50):
        hunt(search, set(range(count)))
        search.paused()
    assert len(found(search)) <= FEW


def test_a_suspect_that_is_accepted_at_the_second_try_is_delivered():
    search = Bisection([range(2)])
    search.refused("bad", 400)
    search.refused("bad", 400)
    search.accepted()
    assert list(search.current) == [0]
    search.accepted()
    assert search.verdicts == [Verdict.DELIVERED, Verdict.DELIVERED]


def test_too_much_for_the_line_halves_without_suspicion():
    search = Bisection([range(4)])
    search.too_much()
    assert list(search.current) == [0, 1]
    search.too_much()
    assert list(search.current) == [0]
    search.too_much()
    assert list(search.current) == [0]
    assert set(search.verdicts) == {Verdict.UNKNOWN}
