"""The walk knows any type that is made of mappings, lists and scalars."""

from typing import Annotated, Literal

import msgspec
import pytest

from agent.configuration.nodes import compose
from agent.configuration.walk import WRONG, Walk


class Square(msgspec.Struct, frozen=True, kw_only=True):
    type: Literal["square"]
    side: float


class Circle(msgspec.Struct, frozen=True, kw_only=True):
    type: Literal["circle"]
    radius: Annotated[float, msgspec.Meta(gt=0)]
    colour: int | Literal["red"] = 0


class Framed(msgspec.Struct, frozen=True, kw_only=True):
    frame: Circle


Shapes = dict[str, Square | Circle]


def read(text, expected=Shapes):
    walk = Walk()
    return walk.read(compose(text, "f"), expected), [str(problem) for problem in walk.problems]


def test_mappings_are_told_apart_by_their_type():
    value, problems = read("a: {type: square, side: 1}\nb: {type: circle, radius: 2.5, colour: red}")
    assert value == {"a": Square(type="square", side=1), "b": Circle(type="circle", radius=2.5, colour="red")}
    assert problems == []


def test_a_key_of_another_type_is_unknown_to_this_one():
    assert read("a: {type: circle, side: 1}") == (
        WRONG,
        ["f:1: a.side: unknown key", "f:1: a.radius: is missing"],
    )


def test_of_a_mapping_that_is_missing_its_keys_are_told():
    assert read("{}", Framed)[1] == ["f:1: frame: is missing; its keys are type, radius, colour"]


def test_a_type_that_does_not_exist_is_told_once():
    value, problems = read("a: {type: line, side: 1}")
    assert value is WRONG
    assert problems == ["f:1: a.type: must be one of square, circle"]


def test_a_bound_that_is_broken_is_told():
    assert read("a: {type: circle, radius: 0}")[1] == ["f:1: a.radius: must be float > 0.0"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("0o14", 12),
        ("0xC", 12),
        ("012", 12),
        ("1e1", 10.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("+1", 1),
    ],
)
def test_numbers_are_those_of_yaml_1_2(text, value):
    assert read(text, float) == (value, [])


@pytest.mark.parametrize(
    "text", ["yes", "off", "0b1", "1_000", "1:30", "2026-01-01", "0o8", "!!int x", "!!bool maybe"]
)
def test_what_only_yaml_1_1_took_for_something_else_is_text(text):
    value, problems = read(text, str)
    assert value == text.split()[-1]
    assert problems == []
