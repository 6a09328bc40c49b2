"""Structured differences name the keys that changed, in each format, and nothing when there is no format."""

import time

import pytest

from collectors._files.structure import MAX_CHANGES, changes
from collectors.event import Category, Event


def pairs(path, old, new):
    return [(change.key, change.old, change.new) for change in changes(path, old, new)]


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("/a.ini", "[http]\nport = 80\nx = 1\n", "[http]\nport = 8080\nx = 1\n", [("http.port", "80", "8080")]),
        ("/a.ini", "[a]\nx=1\n", "[a]\nx=1\ny=2\n", [("a.y", None, "2")]),
        ("/a.ini", "; c\n[a]\nx=1\n", "[a]\n", [("a.x", "1", None)]),
        ("/a.env", 'A="b c"\n', "A='d'\n", [("A", "b c", "d")]),
        ("/etc/default/x", "# c\nOPTS=-a\n", "# d\nOPTS=-b\n", [("OPTS", "-a", "-b")]),
        ("/etc/sysctl.conf", "net.a/b = 0\n", "net.a/b = 1\n", [("net.a/b", "0", "1")]),
        ("/x.properties", "a.b: 1\n", "a.b: 2\n", [("a.b", "1", "2")]),
        (
            "/x.service",
            "[Service]\nExecStartPre=/a\nExecStartPre=/b\n",
            "[Service]\nExecStartPre=/a\nExecStartPre=/c\n",
            [("Service.ExecStartPre[2]", "/b", "/c")],
        ),
        ("/x.json", '{"a": {"b": [1, 2]}}', '{"a": {"b": [1, 3]}}', [("a.b[1]", 2, 3)]),
        ("/x.json", '{"a": 1}', '{"a": true}', [("a", 1, True)]),
        ("/x.yaml", "a:\n  b: 1\n  c: off\n", "a:\n  b: 2\n  c: off\n", [("a.b", 1, 2)]),
        *[(path, f"\ufeff{text}1{end}", f"\ufeff{text}2{end}", [("a.b", old, new)]) for path, text, end, old, new in [
            ("/x.ini", "[a]\nb=", "", "1", "2"), ("/x.json", '{"a": {"b": ', "}}", 1, 2),
            ("/x.toml", "[a]\nb = ", "", 1, 2), ("/x.yaml", "a:\n  b: ", "", 1, 2),
        ]],
        ("/x.yml", "- x: 012\n", "- x: 'no'\n", [("[0].x", "012", "no")]),
        ("/x.yaml", "a: 1\n---\nb: 1\n", "a: 1\n---\nb: 2\n", [("[1].b", 1, 2)]),
        ("/x.toml", "[a]\nb = 1\nd = 1979-05-27\n", "[a]\nb = 2\nd = 1979-05-28\n",
         [("a.b", 1, 2), ("a.d", "1979-05-27", "1979-05-28")]),
    ],
)  # fmt: skip
def test_each_format_names_the_keys_that_changed(path, old, new, expected):
    assert pairs(path, old, new) == expected


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("/nginx.conf", "http {\n  listen 80;\n}\n", "http {\n  listen 81;\n}\n"),
        ("/x.json", "{", '{"a": 1}'),
        ("/x.yaml", "a: [", "a: 1\n"),
        ("/x.yaml", "just text\n", "other text\n"),
        ("/x.toml", "a = ", "a = 1\n"),
        ("/x.json", "[" * 50_000, "1"),
        ("/x.yaml", "a: " + "[" * 5000, "a: 1\n"),
        ("/motd", "hello\n", "good bye\n"),
    ],
)
def test_what_does_not_parse_has_no_structured_difference(path, old, new):
    assert pairs(path, old, new) == []


def test_an_alias_bomb_is_let_be():
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
    assert pairs("/x.yaml", bomb, "a: 1\n") == []


def test_a_value_below_a_key_that_sounds_like_a_secret_is_never_shown():
    shown = pairs("/x.json", '{"secrets": {"left": "abc"}}', '{"secrets": {"left": "abd"}}')
    assert shown == [("secrets.left", "<masked>", "<masked>")]


def test_many_changes_are_cut():
    old = "".join(f"k{i}=1\n" for i in range(500))
    assert len(changes("/x.env", old, old.replace("=1", "=2"))) == MAX_CHANGES


HOSTILE = [
    ("/x.json", '{"a": "\\ud800", "\\udfff": 1}'),
    ("/x.json", '{"a": 1e999, "b": NaN, "c": ' + "9" * 60_000 + "}"),
    ("/x.json", '{"' + "k" * 30_000 + '": {' + ",".join(f'"{n}": 1' for n in range(3000)) + "}}"),
    ("/x.toml", "a = 0x" + "f" * 20_000),
    ("/x.toml", "a" + ".a" * 32_000 + " = 1"),
    ("/x.toml", "a = " + "[" * 60_000),
    ("/x.toml", "a = " + "{a=" * 20_000),
    ("/x.yaml", "[" * 60_000),
    ("/x.yaml", "- " * 32_000),
    ("/x.yaml", "? " * 32_000),
    ("/x.yaml", "{a: " * 15_000),
    ("/x.yaml", "".join(" " * n + "-\n" for n in range(350))),
    ("/x.yaml", "&a [*a]"),
    ("/x.yaml", '"\\ud800": "\\udfff"'),
    ("/x.ini", "a = x" + (" " * 4000 + "y\n") * 16),
    ("/x.ini", "[" + "s" * 4000 + "]\n" + "".join(f"{n}=1\n" for n in range(4000))),
    ("/x.ini", "\\\n" * 32_000),
    ("/x.ini", "export " + " " * 4000 + "\n"),
]


@pytest.mark.parametrize(("path", "text"), HOSTILE, ids=[f"{path} {text[:8]!r}" for path, text in HOSTILE])
def test_no_text_ends_the_process_or_takes_long_and_what_is_found_can_be_told(path, text):
    began = time.thread_time()
    found = changes(
        path, text, {"/x.json": '{"z": 1}', "/x.toml": "z = 1", "/x.yaml": "z: 1"}.get(path, "z=1")
    )
    Event(
        name="config",
        event_type="E",
        category=Category.CHANGES,
        title="t",
        text="",
        timestamp=0,
        data={"changes": found},
    )
    assert time.thread_time() - began < 2
