"""The spool against a plain list, through restarts and the SIGKILL of a child in the middle of its work."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from spool_examples import entries_of, record_of
from spool_victim import Tell, run_victim

from spool import EVENT, Options, Position, Rejection, Spool

METRICS = "stackstate/metrics"
OPTIONS = Options(max_size_bytes=2 * 1024 * 1024)
TEXT_BYTES = 60_000
"""So large that a few of them fill their quarter."""
NAMES = st.sampled_from(["first", "second"])
KEYS = st.sampled_from(["a", "b", "d//a", "d//b", "d/e//a"])
PLACE = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class SpoolAgainstList(RuleBasedStateMachine):
    """`entries` is the truth; a destination is an index into it."""

    def __init__(self):
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(dir=PLACE, prefix="sts-agent-test-"))
        self.entries: list[str] = []
        self.standing: dict[str, int] = {}
        self.counts: dict[str, list[int]] = {}
        self.memory: dict[str, bytes] = {}
        self.texts: dict[str, bytes] = {}
        self.refused: list[str] = []
        self.furthest = 0
        self.filtered: dict[str, int] = {}
        self.spool = self._open()

    def _open(self):
        spool = Spool.open(self.directory, OPTIONS)
        for name in self.standing:
            spool.positions.attach(name, f"identity of {name}")
        return spool

    def teardown(self):
        self.spool.close()
        shutil.rmtree(self.directory)

    def _record(self, count):
        start = len(self.entries)
        return [f"e{start + index}" for index in range(count)]

    @rule(
        count=st.integers(0, 5), remember=st.dictionaries(KEYS, st.none() | st.binary(max_size=9), max_size=2)
    )
    def append(self, count, remember):
        new = self._record(count)
        self.spool.records.append([record_of(*new)] if new else [], owner="owner", remember=remember)
        self._take(new, remember)

    @rule(key=st.integers(0, 11))
    def remember_text(self, key):
        """More text than there is room for: what is there is right, and it costs nobody anything."""
        name, text = f"text-{key}", os.urandom(TEXT_BYTES)
        self.spool.records.append([], owner="owner", remember={name: b"hash"}, texts={name: text})
        self.memory[name] = b"hash"
        self.texts.pop(name, None)
        self.texts[name] = text

    @rule(key=st.integers(0, 11))
    def forget_text(self, key):
        self.spool.records.append([], owner="owner", remember={f"text-{key}": None})
        self.memory.pop(f"text-{key}", None)
        self.texts.pop(f"text-{key}", None)

    @rule(count=st.integers(1, 4))
    def append_another_kind(self, count):
        """Entries of a kind that nobody here takes: they are in the count, and nobody gets them."""
        new = [f"m{len(self.entries) + index}" for index in range(count)]
        self.spool.records.append([record_of(*new, kind=METRICS)])
        self.entries += new

    @rule(name=NAMES, start=st.sampled_from(["now", "oldest"]))
    def attach(self, name, start):
        self.spool.positions.attach(name, f"identity of {name}", start)
        if name in self.standing:
            return
        others = [at for at in self.standing.values() if at is not None]
        if name not in self.counts:
            if others:
                self.standing[name] = len(self.entries) if start == "now" else 0
            else:
                self.standing[name] = self.furthest
            self.counts[name] = [0, 0]
        else:
            self.standing[name] = self.counts[name][1]

    @rule(name=NAMES)
    def detach(self, name):
        self.spool.positions.detach(name)
        if name in self.standing:
            at = self.standing.pop(name)
            self.counts[name][1] = at
            self._move_furthest(at)

    @precondition(lambda self: self.standing)
    @rule(name=NAMES, most=st.integers(1, 7), refuse=st.booleans(), partly=st.booleans())
    def deliver(self, name, most, refuse, partly):
        if name not in self.standing:
            return
        batch = self.spool.records.read(name, max_events=most, max_bytes=1 << 20)
        at = self._pass_over(name)
        got = entries_of(batch)
        assert batch.kind == EVENT
        assert got == self.entries[at : at + len(got)]
        assert bool(got) == (at < len(self.entries))
        assert len(got) <= most
        if not got:
            return
        upto, count = batch.upto, len(got)
        if partly:
            first = batch.pieces[0]
            upto, count = Position(first.number, first.first_entry + 1), 1
        rejected = []
        if refuse:
            position = Position(batch.pieces[0].number, batch.pieces[0].first_entry)
            rejected = [Rejection(position, "custom", got[0].encode(), "400")]
            self.refused.append(got[0])
        self.spool.records.acknowledge(name, upto, delivered=count - len(rejected), rejected=rejected)
        self.standing[name] += count
        self.counts[name][0] += count - len(rejected)
        self._move_furthest(self.standing[name])

    def _pass_over(self, name):
        """Step over what a read has filtered; return where the destination stands then."""
        at = self.standing[name]
        while at < len(self.entries) and self.entries[at].startswith("m"):
            at += 1
        self.filtered[name] = self.filtered.get(name, 0) + at - self.standing[name]
        self.standing[name] = at
        self._move_furthest(at)
        return at

    @rule()
    def restart(self):
        self.spool.close()
        self.spool = self._open()

    @rule(steps=st.integers(1, 4))
    def restart_after_a_kill(self, steps):
        """Let a child append and be killed; what it told is there, in order."""
        self.spool.close()
        start = len(self.entries)

        def work(tell: Tell) -> None:
            spool = Spool.open(self.directory, OPTIONS)
            for index in range(start, start + steps):
                spool.records.append([record_of(f"e{index}")], owner="owner", remember={"a": b"%d" % index})
                tell(f"accepted e{index}")
            os.kill(os.getpid(), signal.SIGKILL)

        lines, status = run_victim(work)
        assert status == signal.SIGKILL
        for line in lines:
            entry = line.split()[1]
            self._take([entry], {"a": entry[1:].encode()})
        assert len(lines) == steps
        self.spool = self._open()

    @invariant()
    def memory_is_as_committed(self):
        assert dict(self.spool.memory("owner").items()) == self.memory

    @invariant()
    def texts_are_right_and_within_their_share_and_the_newest_stay(self):
        memory = self.spool.memory("owner")
        kept = [name for name in self.texts if memory.text(name) is not None]
        assert all(memory.text(name) == self.texts[name] for name in kept)
        assert kept == list(self.texts)[len(self.texts) - len(kept) :]
        status = self.spool.status()
        assert status.text_bytes <= OPTIONS.max_size_bytes // 4
        assert len(kept) >= min(len(self.texts), OPTIONS.max_size_bytes // 4 // (TEXT_BYTES + 8192) - 1)
        assert status.drops == {}

    @invariant()
    def status_adds_up(self):
        status = self.spool.status()
        assert (status.events, status.rejected) == (len(self.entries), len(self.refused))
        for destination in status.destinations:
            assert destination.waiting_events == len(self.entries) - self.standing[destination.name]
            assert destination.delivered_total == self.counts[destination.name][0]
            assert destination.filtered_total == self.filtered.get(destination.name, 0)
            assert self.spool.records.wait(destination.name, 0) == (destination.waiting_events > 0)
        assert {destination.name for destination in status.destinations} == set(self.standing)

    @invariant()
    def refused_entries_are_kept_in_order(self):
        assert [entry.body.decode() for entry in self.spool.rejected.entries()] == self.refused

    def _take(self, new, remember):
        self.entries += new
        for key, value in remember.items():
            if value is None:
                self.memory.pop(key, None)
            else:
                self.memory[key] = value

    def _move_furthest(self, at):
        self.furthest = max(self.furthest, at)


TestSpoolAgainstList = SpoolAgainstList.TestCase
TestSpoolAgainstList.settings = settings(
    max_examples=int(os.environ.get("STS_AGENT_TORTURE_EXAMPLES", "20")),
    stateful_step_count=30,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
