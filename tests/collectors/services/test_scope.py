"""Which services are told, and with whose tags."""

import pytest

from collectors._services.scope import Scope, Watched

EVERYTHING = Watched(("*.service",), ())


@pytest.mark.parametrize("unit", ["nginx.service", "getty@tty1.service", "runner.service", "a\\x2db.service"])
def test_by_default_every_service_is_told(unit):
    assert Scope([EVERYTHING]).matches(unit)


@pytest.mark.parametrize(
    "unit",
    [
        "user@1000.service",
        "user-runtime-dir@1000.service",
        "run-r1f2.service",
        "session-3.service",
        "nginx.socket",
        "cron.timer",
    ],
)
def test_by_default_what_comes_and_goes_with_logins_is_not(unit):
    assert not Scope([EVERYTHING]).matches(unit)


def test_a_pattern_that_names_such_a_unit_itself_wins():
    assert Scope([Watched(("user@1000.service",), ())]).matches("user@1000.service")
    assert Scope([Watched(("run-backup*",), ())]).matches("run-backup-3.service")


def test_the_suffix_may_be_left_out_and_globs_and_excludes_work():
    scope = Scope([Watched(("nginx", "php*-fpm.service"), ("php7*",))])
    assert scope.matches("nginx.service")
    assert scope.matches("php8.2-fpm.service")
    assert not scope.matches("php7.4-fpm.service")
    assert not scope.matches("nginx-debug.service")


def test_the_agents_own_unit_is_told_by_the_agent_itself():
    assert not Scope([EVERYTHING], own_unit="sts-agent.service").matches("sts-agent.service")


def test_entries_that_match_the_same_unit_unite_their_tags_and_identifiers():
    scope = Scope(
        [
            EVERYTHING,
            Watched(("nginx",), (), ("app:nginx", "env:prod"), ("urn:component:/nginx",)),
            Watched(("ngi*",), (), ("env:prod", "team:web"), ("urn:component:/nginx",)),
        ]
    )
    assert scope.attributes("nginx.service") == (
        ("app:nginx", "env:prod", "team:web"),
        ("urn:component:/nginx",),
    )
    assert scope.attributes("cron.service") == ((), ())


def test_the_patterns_can_be_remembered():
    scope = Scope([Watched(("nginx",), ("nginx-*",))])
    again = Scope.decode(scope.encode())
    assert again.matches("nginx.service")
    assert not again.matches("cron.service")
