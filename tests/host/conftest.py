"""Real hosts for tests: `host` is one that is off; `new_host` makes more, and of other kinds (harness/image.py).

    def test_a_reboot_is_told(host):
        host.boot()
        host.reboot()
        host.receiver.wait_for_event("HostBootedEvent")

A test or a module that is marked `every_debian` runs once on each (`pytestmark = pytest.mark.every_debian`); the others
run on Debian 12. Take the fixture `debian` where the test has to know.

Every test in this folder is marked `host`: it needs root, systemd-nspawn and mmdebstrap. Where they are
missing it is skipped with the remedy; STS_AGENT_REQUIRE_HOST_TESTS=1 makes that a failure.
"""

import contextlib
import functools
import os
from pathlib import Path

import pytest
from harness import catalogue, image
from harness.host import Host, agent_layer
from harness.image import BOOKWORM, DEBIANS
from harness.receiver import Receiver


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.host)


def pytest_generate_tests(metafunc):
    """Run what is marked `every_debian` once on each."""
    if metafunc.definition.get_closest_marker("every_debian"):
        metafunc.parametrize("debian", DEBIANS.values(), ids=DEBIANS.keys())


@pytest.fixture
def debian():
    """Return the kind of Debian of the test's hosts, where the test asks for no other."""
    return BOOKWORM


@pytest.fixture(scope="session")
def layers():
    """Return the function that makes a host's layers, lazily: of a kind of Debian, plain or with more packages."""
    if reason := image.missing():
        remedy = f"{reason}; run `make test-deps`, then the tests, as root on a Debian"
        if os.environ.get("STS_AGENT_REQUIRE_HOST_TESTS") == "1":
            pytest.fail(remedy, pytrace=False)
        pytest.skip(remedy)

    @functools.cache
    def layers(debian, *, more_packages, installed):
        base = image.base(image.MORE_PACKAGES if more_packages else (), debian)
        return [agent_layer(base, debian), base] if installed else [base]

    return layers


@pytest.fixture
def receiver():
    """Return the receiver of the test's hosts; the test fails when an event broke a rule of its, or is not documented."""
    receiver = Receiver()
    yield receiver
    receiver.go_away()
    assert receiver.problems == []
    assert catalogue.departures(receiver.events) == []


@pytest.fixture
def new_host(layers, receiver, debian, request):
    """Return a function that makes a host; all of them are gone after the test, whatever it did."""
    with contextlib.ExitStack() as hosts:

        def new_host(name="edge-01", *, debian=debian, packages=(), installed=True):
            assert set(packages) <= set(image.MORE_PACKAGES), "name it in harness/image.py"
            below = layers(debian, more_packages=bool(packages), installed=installed)
            host = Host(below, receiver, name)
            hosts.callback(host.close)
            hosts.callback(_tell_if_failed, request.node, host)
            return host

        yield new_host


@pytest.fixture
def host(new_host):
    return new_host()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[_FAILED] = report.failed
    return report


_FAILED = pytest.StashKey[bool]()


def _tell_if_failed(item, host):
    if item.stash.get(_FAILED, False):
        print(f"---- journal of {host.name} ----\n{host.journal()[-20000:]}")  # noqa: T201 - part of the report
