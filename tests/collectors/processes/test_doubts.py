"""An entry for processes that can never match is never silent."""

from collectors._processes.doubts import find_doubts
from collectors._processes.match import Wanted
from collectors._processes.proc import whole_name


def doubts(root, **patterns):
    return list(find_doubts([Wanted(label="worker", **patterns)], root))


def test_patterns_that_fit_no_process_are_told(tmp_path):
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr/worker").touch()
    assert doubts(tmp_path, exe="/usr/worker", user="root", name="work*", cmdline="*{a,b}*") == []
    assert doubts(tmp_path, exe="/usr/wroker") == [
        "worker: exe '/usr/wroker' does not exist on this host (yet)"
    ]
    assert doubts(tmp_path, user="rooot") == ["worker: 'rooot' is no user of this host (did you mean root?)"]
    assert doubts(tmp_path, user="12345") == []
    [path] = doubts(tmp_path, name="/usr/worker")
    assert "give it as exe" in path


def test_of_alternatives_in_braces_one_has_to_fit(tmp_path):
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr/worker").touch()
    assert doubts(tmp_path, name="{a,b}", exe="/{usr,opt}/worker", user="{root,rooot}") == []
    assert doubts(tmp_path, name="{a,/usr/b}", exe="{/opt/*,/opt/worker}", user="{r*,rooot}") == []
    assert doubts(tmp_path, exe="/{srv,opt}/worker") == [
        "worker: exe '/{srv,opt}/worker' does not exist on this host (yet)"
    ]
    assert len(doubts(tmp_path, exe="{/srv/worker,/opt/worker}")) == 1
    assert doubts(tmp_path, user="{rooot,toor2}") == ["worker: '{rooot,toor2}' is no user of this host"]
    [path] = doubts(tmp_path, name="/usr/{a,b}")
    assert "give it as exe" in path


def test_what_the_host_does_not_let_be_looked_at_is_no_doubt_and_ends_nothing(tmp_path):
    too_long = Wanted(label="odd", exe="/" + "x" * 300)
    unknown = Wanted(label="worker", exe="/usr/wroker")
    [told] = find_doubts([too_long, unknown], tmp_path)
    assert told.startswith("worker: ")


def test_the_name_of_a_script_is_whole_although_the_kernel_cuts_it():
    script = "./a-very-long-name-of-a-worker.sh"
    assert whole_name("a-very-long-nam", ["/bin/sh", "-e", script]) == "a-very-long-name-of-a-worker.sh"
    assert whole_name("a-very-long-nam", ["/bin/sh", "other"]) == "a-very-long-nam"
    assert whole_name("short", ["/bin/sh", "shorter"]) == "short"
