"""From what was seen of a path to what can be said of it: a wrong name is worse than none."""

import pytest

from collectors._origin import fanotify
from collectors._origin.actor import Actor
from collectors._origin.looks import NEVER, Look, Looks
from collectors._origin.sightings import KEEP_SECONDS, Deed, Sightings
from collectors._origin.testimony import account_of
from collectors._origin.watched import Watched

DIRECTORY, PARENT = b"etc-app", b"etc"


def actor(program, pid, **fields):
    known = {"started": pid, "uid": 0, "user": "root", "real_uid": 0}
    return Actor(pid=pid, program=program, **{**known, **fields})


SED = actor("sed", 10)
CHMOD = actor("chmod", 11)


class Scene:
    """A directory /etc/app that is watched since 0, and what was seen there."""

    def __init__(self, marked_at=0.0):
        self.sightings = Sightings()
        self.watched = Watched(KEEP_SECONDS)
        self.watched.add("/etc", PARENT, 0.0)
        self.watched.add("/etc/app", DIRECTORY, marked_at)

    def saw(self, who, mask, at, name="a", directory=DIRECTORY, **fields):
        self.sightings.add(directory, name, Deed(who, mask, at, at, **fields))

    def of(self, path="/etc/app/a", since=1.0, until=10.0, looked_until=None):
        last = Look(since, since if looked_until is None else looked_until)
        return account_of(path, last, until, self.sightings, self.watched)


def names(found):
    return [seen.actor.program for seen in found.seen]


def test_one_process_that_was_seen_is_named_with_all_that_it_did():
    scene = Scene()
    scene.saw(SED, fanotify.CREATE, 2.0)
    scene.saw(SED, fanotify.MODIFY | fanotify.ATTRIB, 3.0)
    (seen,) = scene.of().seen
    assert (seen.actor, seen.first, seen.last) == (SED, 2.0, 3.0)
    assert (seen.changed_names, seen.changed_content, seen.changed_attributes) == (True, True, True)
    assert scene.of().is_complete


def test_two_processes_are_two_and_the_first_to_act_stands_first():
    scene = Scene()
    scene.saw(CHMOD, fanotify.ATTRIB, 3.0)
    scene.saw(SED, fanotify.MODIFY, 2.0)
    assert names(scene.of()) == ["sed", "chmod"]


def test_a_process_that_executes_something_else_meanwhile_is_still_one():
    scene = Scene()
    scene.saw(SED, fanotify.MODIFY, 2.0)
    scene.saw(actor("sudo", SED.pid, started=SED.started), fanotify.ATTRIB, 3.0)
    assert names(scene.of()) == ["sed"]


def test_what_was_done_outside_the_time_counts_for_nobody():
    scene = Scene()
    scene.saw(SED, fanotify.MODIFY, 0.5)
    scene.saw(CHMOD, fanotify.ATTRIB, 11.0)
    assert names(scene.of()) == []


def test_a_process_that_nobody_knows_leaves_it_open_who_else_did_it():
    scene = Scene()
    scene.saw(SED, fanotify.MODIFY, 2.0)
    scene.saw(None, fanotify.ATTRIB, 3.0)
    found = scene.of()
    assert (names(found), found.is_complete) == (["sed"], False)
    assert "over" in found.missed


def test_a_queue_that_overflowed_leaves_it_open_for_that_time_alone():
    scene = Scene()
    scene.saw(SED, fanotify.MODIFY, 2.0)
    scene.sightings.lose(3.0, 4.0, "too much")
    assert scene.of().missed == "too much"
    assert not scene.of().is_complete
    assert scene.of(since=4.0).is_complete
    assert scene.of(until=2.5).is_complete


def test_more_than_is_kept_leaves_it_open():
    scene = Scene()
    scene.saw(SED, fanotify.MODIFY, 2.0, name="first")
    for number in range(10_000):
        scene.saw(SED, fanotify.MODIFY, 3.0, name=f"n{number}")
    assert not scene.of("/etc/app/first").is_complete
    assert scene.of("/etc/app/n9999", since=2.5).is_complete


def test_what_is_old_is_let_go():
    scene = Scene()
    scene.saw(SED, fanotify.MODIFY, 2.0)
    scene.sightings.prune(2.0 + KEEP_SECONDS)
    assert names(scene.of()) == []


def test_a_directory_that_is_not_watched_says_nothing():
    found = Scene().of("/var/lib/a")
    assert (found.seen, found.is_complete) == ((), False)
    assert "not watched" in found.missed


def test_what_changed_before_its_directory_was_watched_is_open():
    scene = Scene(marked_at=5.0)
    scene.saw(SED, fanotify.MODIFY, 6.0)
    assert not scene.of().is_complete
    assert scene.of(since=5.5).is_complete


def test_a_name_that_was_made_while_its_directory_was_watched_is_known_from_its_beginning():
    scene = Scene(marked_at=5.0)
    scene.saw(SED, fanotify.CREATE | fanotify.MODIFY, 6.0)
    assert scene.of().is_complete


def test_a_shell_that_only_closes_what_its_program_wrote_did_nothing():
    scene = Scene()
    scene.saw(SED, fanotify.MODIFY, 2.0)
    scene.saw(actor("sh", 9), fanotify.CLOSE_WRITE, 2.1)
    assert names(scene.of()) == ["sed"]


def test_another_s_close_may_have_been_a_write_by_a_map_of_the_file():
    scene = Scene()
    scene.saw(SED, fanotify.MODIFY, 2.0)
    scene.saw(actor("mapper", 9, uid=33, user="www-data", real_uid=33), fanotify.CLOSE_WRITE, 2.1)
    assert names(scene.of()) == ["sed", "mapper"]


def test_who_only_closed_is_named_where_nobody_else_wrote():
    scene = Scene()
    scene.saw(SED, fanotify.CLOSE_WRITE, 2.0)
    assert names(scene.of()) == ["sed"]


@pytest.mark.parametrize("mask", [fanotify.MOVED_TO, fanotify.MOVED_FROM])
def test_who_moved_a_directory_moved_all_that_is_in_it(mask):
    scene = Scene()
    scene.saw(actor("mv", 12), mask | fanotify.ON_DIRECTORY, 2.0, name="app", directory=PARENT)
    found = scene.of()
    assert (names(found), found.is_complete) == (["mv"], True)


def test_a_file_that_came_with_its_directory_came_by_who_moved_that(tmp_path):
    file = tmp_path / "app" / "a"
    file.parent.mkdir()
    file.touch()
    status = file.stat()
    scene = Scene()
    scene.watched.add(str(tmp_path), b"top", 0.0)
    scene.watched.add(str(file.parent), b"moved", 5.0)
    arrival = fanotify.MOVED_TO | fanotify.ON_DIRECTORY
    scene.saw(actor("mv", 12), arrival, 4.0, "app", b"top", came_at=status.st_ctime + 1)
    assert scene.of(str(file)).is_complete


def test_a_file_that_was_touched_since_its_directory_came_may_be_another_s(tmp_path):
    file = tmp_path / "app" / "a"
    file.parent.mkdir()
    file.touch()
    scene = Scene()
    scene.watched.add(str(tmp_path), b"top", 0.0)
    scene.watched.add(str(file.parent), b"moved", 5.0)
    arrival = fanotify.MOVED_TO | fanotify.ON_DIRECTORY
    scene.saw(actor("mv", 12), arrival, 4.0, "app", b"top", came_at=file.stat().st_ctime - 1)
    assert not scene.of(str(file)).is_complete


def test_a_directory_that_is_gone_is_still_known_while_its_files_are_told_as_deleted():
    scene = Scene()
    scene.saw(actor("rm", 13), fanotify.DELETE, 2.0)
    scene.watched.forget("/etc/app", 3.0)
    assert scene.of().is_complete
    scene.watched.prune(4.0 + KEEP_SECONDS)
    assert not scene.of().is_complete
    assert [*scene.watched.paths()] == ["/etc"]


def test_a_directory_that_moves_within_what_is_watched_keeps_what_was_seen_in_it():
    scene = Scene()
    scene.saw(SED, fanotify.MODIFY, 2.0)
    scene.watched.forget("/etc/app", 3.0)
    scene.watched.add("/etc/moved", DIRECTORY, 3.0)
    assert names(scene.of("/etc/moved/a")) == ["sed"]
    assert len(scene.watched) == 2


def test_a_directory_that_is_watched_since_a_look_came_to_it_was_found_as_it_was_then():
    scene = Scene(marked_at=5.0)
    scene.saw(SED, fanotify.MODIFY, 6.0)
    assert scene.of(since=4.0, looked_until=5.5).is_complete
    assert not scene.of(since=4.0, looked_until=4.5).is_complete


def test_a_look_finds_what_happened_since_the_one_before():
    looks = Looks()
    assert looks.before("/etc/app/a") == NEVER
    looks.begin(("/etc/app/a",), 1.0)
    assert looks.before("/etc/app/a") == NEVER
    looks.begin(("/etc/app/a",), 2.0)
    assert looks.before("/etc/app/a") == Look(1.0, 1.0)


def test_a_look_at_a_directory_is_one_at_all_below_it_until_it_is_over():
    looks = Looks()
    looks.begin(("/etc/",), 1.0)
    looks.begin((), 1.5)
    looks.begin(("/etc/app/a",), 2.0)
    assert looks.before("/etc/app/a") == Look(1.0, 1.5)
    assert looks.before("/etc/other") == Look(1.0, 1.5)
    assert looks.before("/etcetera") == NEVER


def test_a_look_during_which_others_were_made_covers_no_directory_that_came_to_be_watched_meanwhile():
    looks = Looks()
    looks.begin(("/etc/",), 1.0)
    looks.begin((), 3.0, saw_all=False)
    assert looks.before("/etc/new/a") == Look(1.0, 1.0)


def test_looks_are_bounded_and_what_is_forgotten_counts_as_never_looked_at():
    looks = Looks()
    looks.begin(tuple(f"/{number}" for number in range(20_000)), 1.0)
    looks.begin((), 2.0)
    assert looks.before("/0") == NEVER
    assert looks.before("/19999") == Look(1.0, 1.0)
    looks.prune(1.5)
    assert looks.before("/19999") == NEVER
