"""Whatever text of the host a collector puts into an event, no secret in it is told: each source by itself, with each look of a secret."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from collectors._files.change_event import Names, event_of
from collectors._files.difference import Difference
from collectors._files.flood import Floods, Untold
from collectors._files.polling import Polling, remote
from collectors._files.selection import Choice
from collectors._host.boot import Boot
from collectors._host.events import booted_first
from collectors._host.events import version_changed as os_changed
from collectors._origin.decide import Origin
from collectors._packages.comparison import VersionChange
from collectors._packages.events import data_of, version_changed
from collectors._processes.events import tell_started
from collectors._processes.match import Known
from collectors._puppet.events import no_report, puppet_run
from collectors._puppet.report import parse_report
from collectors._redaction.passing import name_without_secrets, unit_without_secrets
from collectors._services.events import tell
from collectors._services.log import mask_lines
from collectors._services.transitions import Step, What
from collectors._services.unit_state import UnitState
from collectors._troubles import Subject, Troubles
from collectors.event import Event

SECRET = "hunter2xQ9"
TOKEN = "ghp_" + "a1B2" * 9
PLANTED = {
    "a name and its value": f"password={SECRET}",
    "a URL": f"https://me:{SECRET}@host.example",
    "a token": TOKEN,
    "a flag": f"run --api-token {SECRET}",
    "a program's flag": f"mysql -uroot -p{SECRET}",
}
REPORTS = Path(__file__).parent / "puppet" / "reports"
SUBJECT = Subject("unit", "{} odd", "{}: {}.", "cannot read")
LOOK = UnitState(unit="a.service", invocation="i", changed=1, changed_monotonic=1, left_inactive_monotonic=1)


def difference(path="/etc/a", **more):
    choice = Choice("never", False, 0.0, (), (), ())
    return event_of(Difference(path, "unreadable", choice, 1, **more), Names(Path("/etc")))


def step(**more):
    return tell(
        Step(**{"what": What.FAILED, "unit": "a.service", "invocation": "i", "at": 1, "look": LOOK, **more})
    )


def flood(text):
    floods = Floods(lambda: 0.0, 60.0)
    untold = Untold({"modified": 3}, 1, 2)

    class Memory:
        def items(self, prefix):
            return [(f"{prefix}/etc/{text}", msgspec.msgpack.encode(untold))]

    floods.recover(Memory())
    return next(iter(floods.summaries(all_of_them=True)))[0]


def polled(text):
    polling = Polling(lambda: 0.0)
    polling.add(f"/srv/{text}", remote("nfs", 10.0))
    return polling.tell([f"/srv/{text}"], {}, 1)[0][0]


def trouble(thing, why):
    troubles = Troubles(None, SUBJECT)
    troubles.met(thing, why)
    return [troubles.news(1)[0], troubles.in_words()]


def puppet(**more):
    return puppet_run(replace(parse_report((REPORTS / "failed.yaml").read_bytes()), **more), (), ())


def process(**more):
    return tell_started(
        Known(**{"mark": "b", "label": "worker", "pid": 7, "ticks": 1, "created": 1.0, **more}),
        (),
        late=False,
    )


def package(**more):
    change = VersionChange(**{"key": "nginx:all", "old": "1.0", "new": "1.1", "action": "upgraded", **more})
    data = data_of(change, "dpkg", None, at_start=False)
    return version_changed(change, 1, data, tags=(), element_identifiers=())


def boot(system):
    return Boot(boot_id="b", kernel="6.1.0-18-amd64", os=system)


SOURCES = {
    "the name of a file": lambda text: difference(f"/etc/{text}"),
    "the name that a file had": lambda text: difference(renamed_from=f"/etc/{text}"),
    "why a file cannot be read": lambda text: difference(reason=text),
    "the root of a flood": flood,
    "a directory that is polled": polled,
    "a thing that makes trouble": lambda text: trouble(text, "odd"),
    "why a thing makes trouble": lambda text: trouble("a.service", ValueError(text)),
    "the log of a unit": lambda text: step(log=mask_lines(text)),
    "what a package's script says in a unit's log": lambda text: step(
        log=mask_lines(f"Setting up a (1.0) ...\n{text}\n")
    ),
    "the program that had a service fail": lambda text: step(origin=Origin(kind="person", program=text)),
    "the name of a work": lambda text: step(origin=Origin(kind="package", name=text)),
    "the program of a process": lambda text: process(exe=f"/opt/{text}"),
    "what a process calls itself": lambda text: process(label=text),
    "a resource of Puppet that changed": lambda text: puppet(changed=(f"Exec[{text}]",)),
    "a resource of Puppet that failed": lambda text: puppet(failed=(f"Exec[{text}]",)),
    "a message of Puppet": lambda text: puppet(first_error=f"'{text}' returned 1 instead of one of [0]"),
    "the version of Puppet's configuration": lambda text: puppet(configuration_version=text),
    "the environment of a Puppet run": lambda text: puppet(environment=text),
    "the name of a package": lambda text: package(key=f"{text}:all"),
    "the version that a package had": lambda text: package(old=text),
    "the version that a package has": lambda text: package(new=text),
    "what the system is called": lambda text: booted_first(boot(text), 1),
    "what the system is called after an upgrade": lambda text: os_changed(
        boot(text), 1, "os-release", ("12", text), "upgraded"
    ),
    "what the system was called before": lambda text: os_changed(
        boot("13"), 1, "os-release", (text, "13"), "upgraded"
    ),
    "the file of a report": lambda text: no_report(Path("/var") / text, "odd", 1),
    "why a file is no report": lambda text: no_report(Path("/var/x"), text, 1),
}


def told(source, text):
    found = SOURCES[source](text)
    found = found if isinstance(found, list) else [found]
    return json.dumps([vars_of(part) for part in found], default=str)


def vars_of(part):
    return msgspec.structs.asdict(part) if isinstance(part, Event) else part


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("source", SOURCES)
def test_no_event_of_a_collector_carries_the_planted_secret(source, planted):
    text = told(source, PLANTED[planted])
    assert SECRET not in text
    assert TOKEN not in text


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_no_secret_is_told_as_it_is(source):
    assert "ordinary-name" in told(source, "ordinary-name")


@pytest.mark.parametrize(
    "version", ["1699999999", "4f2ab1c0d1e2f3a4b5c6d7e8f901234567890abc", "production-4f2ab1c0d1e2"]
)
def test_a_version_of_puppets_configuration_that_is_a_time_or_a_commit_is_told_as_it_is(version):
    event = puppet(configuration_version=version)
    assert event.data["configuration_version"] == version
    assert f"configuration_version:{version}" in event.tags


@pytest.mark.parametrize(
    "name",
    [
        "linux-image-6.1.0-18-amd64", "libc6-mips32-mips64r6-cross", "1:20210622.git906593f-1", "2:2.6.2+samba4.17.12+dfsg-0+deb12u4",
        "0.13+git20190402+a685f911237e-1+b1", "5.14.0-427.13.1.el9_4", "Debian GNU/Linux 12 (bookworm)", "01981f5e-0c53-7d4a-9a3e-2f6c51b0c7aa.json",
    ],
)  # fmt: skip
def test_a_name_that_was_made_to_be_told_apart_is_told_as_it_is(name):
    assert name_without_secrets(name) == name


def test_a_secret_in_the_instance_of_a_unit_is_not_told():
    assert SECRET not in json.dumps(vars_of(step(unit=f"app@password\\x3d{SECRET}.service")), default=str)


@pytest.mark.parametrize(
    "unit",
    [
        "nginx.service", "user@1000.service", "run-r0a1b2c3d4e5f67890a1b2c3d4e5f6789.service", "systemd-fsck@dev-disk-by\\x2duuid-0a34.service",
        "docker-4f2ab1c0d1e2f3a4b5c6d7e8f9012345.scope", "getty@tty1.service", "ifup@eth0:1.service",
    ],
)  # fmt: skip
def test_the_name_of_a_unit_is_told_as_it_is(unit):
    assert unit_without_secrets(unit) == unit
