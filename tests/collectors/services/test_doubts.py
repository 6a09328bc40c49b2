"""An entry that can never match is never silent, and a unit goes by any of its names."""

from collections.abc import Sequence

import pytest

from collectors._braces import expand_braces
from collectors._services.entry import ServicesEntry
from collectors._services.scope import Scope
from collectors._services.unit_files import read_unit_files
from collectors.collector import Scoped
from collectors.services import find_doubts, watched_by


@pytest.fixture
def root(tmp_path):
    library, etc = tmp_path / "usr/lib/systemd/system", tmp_path / "etc/systemd/system"
    for directory in (library, etc, tmp_path / "run/systemd/system"):
        directory.mkdir(parents=True)
    for name in ("ssh", "nginx", "getty@", "php8.2-fpm"):
        (library / f"{name}.service").write_text("[Service]\n")
    (etc / "sshd.service").symlink_to("/usr/lib/systemd/system/ssh.service")
    (etc / "masked.service").symlink_to("/dev/null")
    (etc / "syslog.service").symlink_to("gone.service")
    return tmp_path


def entries(*units: str, exclude: Sequence[str] = ()) -> list[Scoped[ServicesEntry]]:
    return [Scoped(ServicesEntry(units=units, exclude=tuple(exclude)))]


def doubts(root, *units, **more):
    return list(find_doubts(entries(*units, **more), root))


def scope(root, *units, **more):
    entry = watched_by(entries(*units, **more)[0])
    scope = Scope([entry], read_unit_files=lambda: read_unit_files(root))
    scope.refresh()
    return scope


@pytest.mark.parametrize("name", ["sshd", "sshd.service", "ssh", "ss*"])
def test_a_unit_is_meant_by_any_of_its_names(root, name):
    assert scope(root, name).matches("ssh.service")
    assert doubts(root, name) == []


def test_an_alias_excludes_too(root):
    assert not scope(root, "*", exclude=["sshd"]).matches("ssh.service")


def test_a_unit_that_exists_nowhere_is_told_with_the_one_that_was_meant(root):
    assert doubts(root, "ngnix") == ["'ngnix' is no service of this host (did you mean nginx.service?)"]
    assert doubts(root, "zzz.service") == ["'zzz.service' is no service of this host"]


def test_instances_of_a_template_and_masked_units_exist(root):
    assert doubts(root, "getty@tty1", "getty@*", "masked", "php*-fpm") == []
    assert doubts(root, "gety@tty1") != []


def test_what_is_no_service_or_no_name_of_a_unit_is_told(root):
    assert doubts(root, "nginx.timer") == ["'nginx.timer' is no service (did you mean nginx.service?)"]
    assert doubts(root, "my app") == ["'my app' can fit no service: no unit has ' ' in its name"]
    assert doubts(root, "web-{1}") == ["'web-{1}' can fit no service: no unit has '{' in its name"]
    assert doubts(root, "apache*") == ["no service of this host fits 'apache*'"]
    assert doubts(root, "nginx", exclude=["ng*"]) == ["'nginx' is excluded by the entry that names it"]


def test_braces_are_alternatives(root):
    assert set(expand_braces("{a,b{c,d}}-x")) == {"a-x", "bc-x", "bd-x"}
    assert scope(root, "{nginx,php*-fpm}").matches("php8.2-fpm.service")
    assert doubts(root, "{nginx,ssh}", "*.service") == []


def test_of_alternatives_one_is_enough_and_none_is_told(root):
    assert doubts(root, "{nginx,httpd}") == []
    assert len(doubts(root, "{httpd,lighttpd}")) == 2


def test_braces_that_stand_for_too_much_are_refused():
    with pytest.raises(ValueError, match="more than 100 patterns"):
        ServicesEntry(units=("{a,b}" * 40,))


def test_where_systemd_does_not_run_nothing_can_be_said(root):
    (root / "run/systemd/system").rmdir()
    assert doubts(root, "ngnix") == []
