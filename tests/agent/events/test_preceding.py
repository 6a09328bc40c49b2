"""A failure names what changed before it: twenty causes and more, each among two hundred changes that have nothing to do with it."""

import pytest

from agent.events.capture import complete
from agent.events.identity import Identity
from agent.events.preceding import DAY_SECONDS, Preceding
from agent.runtime.unit_facts import read_facts
from collectors.event import Category, Event

NOW = 1_800_000_000
DPKG = """\
Package: nginx
Status: install ok installed
Version: 1.22
Depends: nginx-common (>= 1.22), libpcre2-8-0, libssl3 (>= 3.0) | libssl-other

Package: nginx-common
Depends: debconf (>= 0.5)
Pre-Depends: init-system-helpers

Package: postgresql-15
Depends: libpq5, locales | locales-all

Package: shop
Depends: python3

Package: openssh-server
Depends: libwrap0
"""
UNITS = {
    "usr/lib/systemd/system/nginx.service": "[Service]\nExecStart=/usr/sbin/nginx -c /etc/nginx/nginx.conf\n",
    "etc/systemd/system/nginx.service.d/limits.conf": "[Service]\nEnvironmentFile=-/srv/limits.env\n",
    "etc/systemd/system/shop.service": "[Service]\nEnvironmentFile=/opt/shop/env\nExecStart=/opt/shop/bin/shop --config=/opt/shop/shop.toml\n",
    "usr/lib/systemd/system/postgresql@.service": "[Service]\nExecStart=/usr/bin/pg_ctlcluster %i start\n",
    "usr/lib/systemd/system/ssh.service": "[Service]\nExecStart=/usr/sbin/sshd -D\n",
    "usr/lib/systemd/system/haproxy.service": "[Service]\nEnvironmentFile=-/etc/default/haproxy\n",
}


@pytest.fixture
def root(tmp_path):
    for name, text in UNITS.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(DPKG)
    (status.parent / "info").mkdir()
    (status.parent / "info/openssh-server:amd64.list").write_text("/.\n/usr/lib/systemd/system/ssh.service\n")
    (status.parent / "info/other.list").write_text("/.\n/usr/lib/systemd/system/ssh.service.d\n")
    return tmp_path


@pytest.fixture
def preceding(root):
    return Preceding(read_facts=lambda unit: read_facts(unit, root))


def changed(title, *, ago, path="", package="", tags=()):
    category = Category.DEPLOYMENTS if package else Category.CHANGES
    data = {"path": path} if path else {"package": package}
    return Event(
        name="config",
        event_type="T",
        category=category,
        title=title,
        text="",
        timestamp=NOW - ago,
        data=data,
        tags=tags,
    )


def failure(unit, kind="ServiceFailedEvent", tags=()):
    return Event(
        name="service", event_type=kind, category=Category.ALERTS, title=f"{unit} failed", text="", timestamp=NOW,
        data={"unit": unit} if unit else {}, tags=tags,
    )  # fmt: skip


def unrelated():
    """Return two hundred changes of a busy day, many of them nearer than any cause below."""
    for number in range(200):
        match number % 4:
            case 0:
                yield changed(f"file {number}", ago=5 + 40 * number, path=f"/etc/other-{number}/x.conf")
            case 1:
                yield changed(f"package {number}", ago=7 + 40 * number, package=f"libother{number}")
            case 2:
                yield changed(
                    f"site {number}",
                    ago=9 + 40 * number,
                    path=f"/etc/cron.d/job-{number}",
                    tags=("app:other",),
                )
            case _:
                yield changed(f"home {number}", ago=11 + 40 * number, path=f"/srv/www/nginx-docs/{number}")


CAUSES = {
    "a wrong nginx.conf": ("nginx.service", {"path": "/etc/nginx/nginx.conf"}),
    "a site that is enabled": ("nginx.service", {"path": "/etc/nginx/sites-enabled/shop"}),
    "a bad drop-in": ("nginx.service", {"path": "/etc/systemd/system/nginx.service.d/limits.conf"}),
    "a drop-in that was removed": (
        "nginx.service",
        {"path": "/etc/systemd/system/nginx.service.d/gone.conf"},
    ),
    "an environment file named by a drop-in": ("nginx.service", {"path": "/srv/limits.env"}),
    "its own package": ("nginx.service", {"package": "nginx"}),
    "a package of its kin": ("nginx.service", {"package": "nginx-common"}),
    "a library that it needs": ("nginx.service", {"package": "libpcre2-8-0"}),
    "an alternative that it needs": ("nginx.service", {"package": "libssl3:amd64"}),
    "its package of another name": ("ssh.service", {"package": "openssh-server"}),
    "a library that its package of another name needs": ("ssh.service", {"package": "libwrap0:amd64"}),
    "the C library": ("nginx.service", {"package": "libc6"}),
    "the unit itself": ("shop.service", {"path": "/etc/systemd/system/shop.service"}),
    "a missing environment file": ("shop.service", {"path": "/opt/shop/env"}),
    "permissions of the program": ("shop.service", {"path": "/opt/shop/bin/shop"}),
    "a link on the way to its program": ("shop.service", {"path": "/opt/shop"}),
    "its configuration elsewhere": ("shop.service", {"path": "/opt/shop/shop.toml"}),
    "its interpreter": ("shop.service", {"package": "python3"}),
    "a file of the same conf.d entry": (
        "shop.service",
        {"path": "/var/lib/shop/flags", "tags": ("app:shop",)},
    ),
    "the template of an instance": (
        "postgresql@15-main.service",
        {"path": "/usr/lib/systemd/system/postgresql@.service"},
    ),
    "configuration of an instance": (
        "postgresql@15-main.service",
        {"path": "/etc/postgresql/15/main/pg_hba.conf"},
    ),
    "defaults of a service": ("haproxy.service", {"path": "/etc/default/haproxy"}),
    "a kernel before a crash": ("", {"package": "linux-image-6.1.0-40-amd64"}),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_cause_is_among_the_first_three(preceding, cause):
    unit, change = CAUSES[cause]
    preceding.notice(unrelated())
    preceding.notice([changed(cause, ago=9000, **change)])
    told = preceding.before(failure(unit, tags=("app:shop",)), ("env:prod",))
    assert cause in [one["title"] for one in told[:3]]
    assert len(told) == 5
    named = next(one for one in told if one["title"] == cause)
    assert named["seconds_before"] == 9000
    assert named["reason"] != "shortly before"


def test_a_package_that_is_installed_later_is_known_as_well(root):
    assert "server-of-it" not in read_facts("haproxy.service", root).packages
    with (root / "var/lib/dpkg/status").open("a") as status:
        status.write("\nPackage: server-of-it\n")
    (root / "var/lib/dpkg/info/server-of-it.list").write_text("/.\n/usr/lib/systemd/system/haproxy.service\n")
    assert read_facts("haproxy.service", root).packages == {"server-of-it": "its package"}


def test_where_no_dpkg_says_what_needs_what_a_package_of_the_units_name_is_its_own(tmp_path):
    preceding = Preceding(read_facts=lambda unit: read_facts(unit, tmp_path))
    preceding.notice(unrelated())
    preceding.notice([changed("nginx", ago=9000, package="nginx-core")])
    first, *_ = preceding.before(failure("nginx.service"), ())
    assert (first["title"], first["reason"]) == ("nginx", "its package")


def test_where_nothing_is_tied_to_it_the_nearest_come_first(preceding):
    preceding.notice(unrelated())
    told = preceding.before(failure("lonely.service"), ())
    assert [one["seconds_before"] for one in told] == sorted(one["seconds_before"] for one in told)
    assert {one["reason"] for one in told} == {"shortly before"}


def test_what_came_after_it_or_more_than_a_day_before_is_not_named(preceding):
    preceding.notice([
        changed("after", ago=-1, path="/etc/nginx/a"), changed("too old", ago=DAY_SECONDS + 1, path="/etc/nginx/b"),
        changed("just before", ago=0, path="/etc/nginx/c"),
    ])  # fmt: skip
    assert [one["title"] for one in preceding.before(failure("nginx.service"), ())] == ["just before"]


def test_tags_of_the_whole_host_tie_nothing_to_anything(preceding):
    preceding.notice(
        [changed("far", ago=500, path="/x", tags=("env:prod",)), changed("near", ago=5, path="/y")]
    )
    told = preceding.before(failure("a.service", tags=("env:prod",)), ("env:prod",))
    assert [one["title"] for one in told] == ["near", "far"]


def test_a_restart_forgets_nothing(root):
    from agent.events import stored_event
    from collectors.event import encode

    cause = complete(changed("the cause", ago=60, path="/etc/nginx/nginx.conf"), Identity("h"))
    past = [stored_event.decode(encode(cause))]
    later = Preceding(lambda: past, lambda unit: read_facts(unit, root))
    later.notice([changed("since", ago=5, path="/etc/x")])
    assert [one["title"] for one in later.before(failure("nginx.service"), ())] == ["the cause", "since"]


@pytest.mark.parametrize(
    "unit", ["../../etc/shadow.service", "a/b.service", "", "x" * 300, "nginx.service\n"]
)
def test_a_name_that_is_no_units_reads_no_file(root, unit):
    (root / "etc/shadow.service").write_text("/etc/precious")
    assert read_facts(unit, root).paths == frozenset()
