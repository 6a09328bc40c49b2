"""Invariants 1, 2 and 4: a process killed at any point has lost nothing that it was promised."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from spool_examples import record_of, wait_until
from spool_victim import Ledger, Tell, append_and_deliver, check, deliver, die_at, run_victim

from spool import Options, Spool, failpoints, leave_in_incoming, prune

KILLS = int(os.environ.get("STS_AGENT_TORTURE_KILLS", "60"))
SEED = int(os.environ.get("STS_AGENT_TORTURE_SEED", "0")) or random.SystemRandom().randrange(1 << 30)


def live(directory: Path, tell: Tell, first: int) -> None:
    """Do everything that a spool does in its life, once."""
    with Spool.open(directory, Options(keep_delivered_seconds=0)) as spool:
        spool.positions.attach("stackstate", "identity")
        append_and_deliver(spool, tell, first, 12)
        leave_in_incoming(directory, "left", b"x")
        for name, _ in spool.incoming.waiting():
            spool.records.append([], ingested=[name])
            spool.incoming.finish([name])
        spool._engine.between(prune.checkpoint)
        for _ in range(20):
            deliver(spool, tell)
        spool.records.append([], owner="large", remember={"key": bytes(40_000)})
        spool.forget("large")
        spool.housekeeping(trusted_time=True)
        spool._engine.between(prune.give_back_slice)
        spool._engine.between(spool._engine._make_space)
        spool.housekeeping(trusted_time=True)
        append_and_deliver(spool, tell, first + 12, 8)


def damage(directory: Path) -> None:
    with (directory / "spool.db").open("r+b") as file:
        file.write(bytes(100))


@pytest.mark.parametrize(
    "point", [name for name in failpoints.POINTS if not name.startswith(("recovery", "salvage"))]
)
@pytest.mark.parametrize("time_", [1, 2, 7])
def test_a_kill_at_any_point_of_its_life_loses_nothing(tmp_path, point, time_):
    ledger = Ledger()
    for life in range(2):
        first = 0 if life == 0 else ledger.attempted + 1

        def work(tell: Tell, first: int = first) -> None:
            die_at(point, time_)
            live(tmp_path / "spool", tell, first)

        lines, status = run_victim(work)
        assert status in {0, signal.SIGKILL}
        ledger.read(lines)
    check(tmp_path / "spool", ledger)


def test_every_point_is_reached(tmp_path):
    """A point that nothing reaches proves nothing."""
    reached: set[str] = set()
    failpoints.arm(reached.add)
    try:
        live(tmp_path / "spool", lambda _line: None, 0)
        damage(tmp_path / "spool")
        with Spool.open(tmp_path / "spool") as spool:
            wait_until(lambda: not spool.status().salvaging)
    finally:
        failpoints.disarm()
    assert reached == set(failpoints.POINTS)


@pytest.mark.parametrize(
    "point", [name for name in failpoints.POINTS if name.startswith(("recovery", "salvage"))]
)
def test_a_kill_in_the_middle_of_a_recovery_loses_no_record(tmp_path, point):
    directory = tmp_path / "spool"
    entries = [f"{index:04}" for index in range(300)]
    with Spool.open(directory) as spool:
        spool.positions.attach("stackstate", "identity")
        spool.records.append([record_of(entry + "." + os.urandom(200).hex()) for entry in entries])
    damage(directory)

    def work(_tell: Tell) -> None:
        die_at(point)
        with Spool.open(directory) as spool:
            wait_until(lambda: not spool.status().salvaging)

    _, status = run_victim(work)
    assert status == signal.SIGKILL
    with Spool.open(directory) as spool:
        spool.positions.attach("stackstate", "identity")
        wait_until(lambda: not spool.status().salvaging)
        delivered = [entry.split(".")[0] for entry in _drain(spool)]
    assert delivered == entries


def test_kills_at_random_moments_lose_nothing(tmp_path):
    """Hundreds in a row on one spool; `make torture` makes it ten thousand."""
    chance = random.Random(SEED)
    ledger = Ledger()
    for _ in range(KILLS):
        first = ledger.attempted + 1

        def work(tell: Tell, first: int = first) -> None:
            with Spool.open(tmp_path / "spool") as spool:
                spool.positions.attach("stackstate", "identity")
                append_and_deliver(spool, tell, first, 1_000_000)  # it never ends by itself

        delay_seconds = chance.uniform(0.002, 0.04)

        def kill(child: int, delay_seconds: float = delay_seconds) -> None:
            time.sleep(delay_seconds)  # the moment itself is what is random
            os.kill(child, signal.SIGKILL)

        lines, status = run_victim(work, kill)
        assert status == signal.SIGKILL, f"seed {SEED}"
        ledger.read(lines)
    check(tmp_path / "spool", ledger)
    print(f"{KILLS} kills, {len(ledger.accepted)} entries accepted, 0 lost (seed {SEED})")  # noqa: T201 - the figure


def _drain(spool: Spool) -> list[str]:
    ledger = Ledger()
    while spool.records.wait("stackstate", 0):
        deliver(spool, lambda line: ledger.read([line]))
    return ledger.delivered
