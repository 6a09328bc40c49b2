"""The host's name is what the operator says, else what the host says, and never a name all hosts share."""

import pytest

from agent.events.hostname import LOCAL_NAMES, discover


def found(tmp_path, node="", static=None, configured=None):
    path = tmp_path / "hostname"
    if static is not None:
        path.write_text(static)
    return discover(configured, node_name=lambda: node, static_name=path)


def test_the_kernels_name_is_taken_as_it_is(tmp_path):
    assert found(tmp_path, "Edge-01.Example.com", "other\n") == "Edge-01.Example.com"
    assert found(tmp_path, "edge-01") == "edge-01"


@pytest.mark.parametrize(
    "name", [*sorted(LOCAL_NAMES), "LocalHost", "localhost.", "", "x" * 256, "a b", "a/b", "a\n"]
)
def test_a_name_that_every_host_has_or_none_can_have_is_refused(tmp_path, name):
    assert found(tmp_path, name) is None


@pytest.mark.parametrize("name", ["localhost", "localhost.localdomain", "x" * 300])
def test_an_operator_may_use_any_name(tmp_path, name):
    assert found(tmp_path, "edge-01", configured=name) == name


def test_the_static_name_stands_in_where_the_kernel_has_none_yet(tmp_path):
    assert found(tmp_path, "localhost", "# written by hand\n\n edge-02\n") == "edge-02"
    assert found(tmp_path, "(none)", "localhost\n") is None
    assert found(tmp_path, "(none)", "") is None


def test_this_host_has_a_name_or_none():
    assert discover("x") == "x"
    assert discover(None) is None or len(discover(None)) <= 255
