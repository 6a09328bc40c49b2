"""A secret reaches the one place that reveals it, and no other."""

import copy
import json
import pickle
import traceback

import msgspec
import pytest

from agent.configuration.types import Secret
from agent.systems.stackstate.settings import StackStateSettings

KEY = "5ecret-of-the-receiver"


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "{!r:>30}".format, "%s".__mod__, ascii])
def test_nothing_that_makes_text_shows_it(shown):
    assert KEY not in shown(Secret(KEY))


def test_it_does_not_show_inside_the_settings_that_hold_it():
    settings = StackStateSettings(type="stackstate", url="http://127.0.0.1/stsAgent", api_key=Secret(KEY))
    assert KEY not in repr(settings)
    assert KEY not in str(msgspec.structs.asdict(settings))


@pytest.mark.parametrize("encode", [json.dumps, msgspec.json.encode, msgspec.yaml.encode, pickle.dumps])
def test_no_encoder_takes_it(encode):
    with pytest.raises(TypeError) as refusal:
        encode({"api_key": Secret(KEY)})
    assert KEY not in str(refusal.value)


def test_it_does_not_show_in_a_traceback_with_locals():
    api_key = Secret(KEY)
    with pytest.raises(ValueError, match="refused") as raised:
        int(f"{api_key} is refused")
    told = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    assert repr(api_key) in "".join(told.format())
    assert KEY not in "".join(told.format())


def test_it_is_compared_and_copied_like_its_value():
    assert Secret(KEY) == Secret(KEY)
    assert Secret(KEY) != Secret("another")
    assert Secret(KEY) != KEY
    assert len({Secret(KEY), copy.copy(Secret(KEY)), copy.deepcopy(Secret(KEY))}) == 1


def test_it_is_revealed_when_asked():
    assert Secret(KEY).reveal() == KEY
