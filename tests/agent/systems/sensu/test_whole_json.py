"""A message over TCP counts as soon as its last bracket is there, however it is cut into pieces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.systems.sensu.whole_json import WholeJson

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), values, max_size=4) | st.lists(values, max_size=4), st.data())
def test_it_is_whole_at_its_last_byte_and_never_before(value, data):
    body = json.dumps(value, ensure_ascii=data.draw(st.booleans())).encode("utf-8", "surrogatepass")
    message = WholeJson()
    at = 0
    while at < len(body):
        assert not message.is_whole
        size = data.draw(st.integers(1, 5))
        message.feed(body[at : at + size])
        at += size
    assert message.is_whole
    assert not message.is_hopeless


@pytest.mark.parametrize("begin", [b"GET / HTTP/1.1\r\n", b"POST", b"x", b"pang", b'"text"', b"  1", b"\xff"])
def test_what_can_never_become_a_message_is_known_at_its_first_bytes(begin):
    message = WholeJson()
    message.feed(begin)
    assert message.is_hopeless


@pytest.mark.parametrize("begin", [b"", b" ", b"\n\n", b"p", b"pin", b"ping", b"{", b"[", b" {"])
def test_what_may_become_one_is_waited_for(begin):
    message = WholeJson()
    message.feed(begin)
    assert not message.is_hopeless


def test_a_ping_may_have_white_space_around_it():
    message = WholeJson()
    message.feed(b" ping\n")
    assert message.is_ping
