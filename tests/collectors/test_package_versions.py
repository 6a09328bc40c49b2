"""Versions are ordered as their package manager orders them."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors._packages.version import compare_dpkg, compare_rpm

NEWER_DPKG = [
    ("1.0", "1.0~rc1"),
    ("1.0-2", "1.0-1"),
    ("1:0.1", "2.0"),
    ("1.10", "1.9"),
    ("1.0+b", "1.0a"),
    ("1.0-1+deb12u1", "1.0-1"),
    ("1.0-1", "1.0-1~bpo12+1"),
    ("a", "~"),
    ("1.0.1", "1.0"),
    ("09", "8"),
]
NEWER_RPM = [
    ("1.0", "1.0~rc1"),
    ("1.0^git1", "1.0"),
    ("1.0.1", "1.0^git1"),
    ("1:0.1-1", "2.0-1"),
    ("5.2.15-10.fc38", "5.2.15-9.fc38"),
    ("1.0.1", "1.0a"),
    ("1.0b", "1.0a"),
    ("2.0-1", "2.0"),
    ("1.1", "1.a"),
]


@pytest.mark.parametrize(("newer", "older"), NEWER_DPKG)
def test_dpkg_takes_the_first_for_the_newer(newer, older):
    assert compare_dpkg(newer, older) > 0 > compare_dpkg(older, newer)


@pytest.mark.parametrize(("newer", "older"), NEWER_RPM)
def test_rpm_takes_the_first_for_the_newer(newer, older):
    assert compare_rpm(newer, older) > 0 > compare_rpm(older, newer)


@pytest.mark.parametrize("pair", [("1.0", "1.0"), ("0:1.0-1", "1.0-1"), ("1.00", "1.0")])
def test_two_ways_to_write_a_version_are_equal(pair):
    assert compare_dpkg(*pair) == compare_rpm(*pair) == 0


VERSIONS = st.from_regex(r"([0-9]:)?[0-9][0-9a-zA-Z.+~]{0,6}(-[0-9a-zA-Z.+~]{1,4})?", fullmatch=True)


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="no dpkg here; apt-get install dpkg")
@settings(max_examples=60, deadline=None)
@given(VERSIONS, VERSIONS)
def test_the_order_is_that_of_dpkg_itself(one, other):
    mine = compare_dpkg(one, other)
    relation = "gt" if mine > 0 else "lt" if mine < 0 else "eq"
    assert subprocess.run(["dpkg", "--compare-versions", one, relation, other], check=False).returncode == 0


@given(VERSIONS, VERSIONS)
def test_an_order_has_two_sides(one, other):
    for compare in (compare_dpkg, compare_rpm):
        assert (compare(one, other) > 0) == (compare(other, one) < 0)
