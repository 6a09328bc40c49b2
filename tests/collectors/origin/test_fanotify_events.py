"""What a group's descriptor reads, by layouts that the kernel documents (fanotify(7))."""

import struct

import pytest

from collectors._origin.fanotify import CREATE, QUEUE_OVERFLOWED, parse_events


def record(mask, pid, *parts):
    tail = b"".join(parts)
    return struct.pack("=IBBHQii", 24 + len(tail), 3, 0, 24, mask, -1, pid) + tail


def information(kind, data):
    data += b"\0" * (-len(data) % 4)
    return struct.pack("=BBH", kind, 0, 4 + len(data)) + data


PLACE = b"F" * 8 + struct.pack("=Ii", 8, 1) + b"H" * 8


def test_an_event_says_which_process_did_what_to_which_name():
    data = record(
        CREATE, 42, information(2, PLACE + "grün".encode() + b"\0"), information(4, struct.pack("=i", 9))
    )
    (event,) = parse_events(data)
    assert event == (CREATE, 42, 9, PLACE, "grün")


def test_several_events_are_read_one_after_another_and_unknown_parts_left_out():
    one = record(CREATE, 1, information(99, b"later"), information(2, PLACE + b"a\0"))
    assert [event.name for event in parse_events(one + one)] == ["a", "a"]


def test_the_word_that_some_were_lost_names_nobody():
    (event,) = parse_events(record(QUEUE_OVERFLOWED, 0))
    assert (event.mask, event.pid, event.pidfd, event.name) == (QUEUE_OVERFLOWED, 0, -1, "")


def test_another_version_than_is_known_is_refused():
    data = bytearray(record(CREATE, 1))
    data[4] = 4
    with pytest.raises(ValueError, match="version 4"):
        list(parse_events(bytes(data)))


def test_a_part_that_says_it_has_no_length_ends_the_event():
    (event,) = parse_events(record(CREATE, 1, struct.pack("=BBH", 2, 0, 0)))
    assert event.name == ""
