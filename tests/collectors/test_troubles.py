"""The trouble of one thing is told once, for as long as it lasts."""

from collectors._troubles import Subject, Troubles

SUBJECT = Subject("unit", "What becomes of {} cannot be told", "{} makes no sense: {}.", "cannot read")


def tell(troubles, memory):
    """Return what is told now, and have it kept."""
    events = troubles.news(7)
    memory.apply(troubles.to_remember())
    troubles.kept()
    return [(event.data["unit"], event.data["reason"]) for event in events]


def test_a_thing_is_told_once_also_after_a_restart_and_again_after_it_was_well(record):
    memory = record().memory
    troubles = Troubles(memory, SUBJECT)
    for expected in ([("a", "ValueError: x")], []):
        with troubles.guarded("a"):
            raise ValueError("x")
        assert tell(troubles, memory) == expected
    troubles = Troubles(memory, SUBJECT)
    troubles.met("a", "again")
    assert tell(troubles, memory) == []
    assert troubles.in_words() == "cannot read 1, as a: ValueError: x"
    with troubles.guarded("a"):
        pass
    assert (tell(troubles, memory), troubles.in_words(), memory.kept) == ([], "", {})
    troubles.met("a", "z")
    assert tell(troubles, memory) == [("a", "z")]


def test_what_was_not_kept_is_told_the_next_time(record):
    memory = record().memory
    troubles = Troubles(memory, SUBJECT)
    troubles.met("a", "x")
    troubles.forgo()
    troubles.met("a", "x")
    assert tell(troubles, memory) == [("a", "x")]


def test_whoever_makes_more_of_them_is_counted(record):
    memory = record().memory
    troubles = Troubles(memory, SUBJECT)
    for number in range(5000):
        troubles.met(str(number), "x")
    assert len(tell(troubles, memory)) == len(memory.kept) == 100
    assert troubles.in_words().startswith("cannot read 1100, as 0")


def test_a_name_of_any_length_and_any_bytes_is_told_and_found_again(record):
    memory = record().memory
    troubles = Troubles(memory, SUBJECT)
    names = ["\udcff" * 100_000, "\udcff" * 100_000 + "x"]
    troubles.are({name: KeyError("x" * 100_000) for name in names})
    assert len(tell(troubles, memory)) == 2
    troubles.are({names[1]: KeyError()})
    tell(troubles, memory)
    assert (names[0] in troubles, names[1] in troubles) == (False, True)
