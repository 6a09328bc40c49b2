"""The simulated fleet comes back without a herd, and the simulation would show one."""

import random
from argparse import Namespace

import fleet
import pytest

CAPACITY = 20
SMALL_FLEET = Namespace(
    agents=1000, outage=900.0, capacity=CAPACITY, queue_seconds=1, interval=60.0, batch=1000, patience=1800.0
)


@pytest.fixture
def results():
    names = list(fleet.strategies(random.Random(1)))
    simulated = []
    for name in names:
        rng = random.Random(1)
        simulated.append(fleet.simulate(name, fleet.strategies(rng)[name], SMALL_FLEET, rng))
    return simulated


def test_the_receiver_sees_about_what_it_can_serve_and_everybody_is_served(results):
    ours = results[0]
    assert max(ours.per_second) < 2 * CAPACITY
    assert max(ours.drained) < SMALL_FLEET.patience


def test_without_jitter_the_whole_fleet_knocks_in_one_second(results):
    herd = results[-1]
    assert max(herd.per_second) > SMALL_FLEET.agents * 0.9
