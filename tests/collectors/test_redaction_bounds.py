"""Masking is proportional to the text, whatever it is made of, and stops when its budget is used up."""

import importlib
import itertools
import pkgutil
import re
import sys

import pytest

import collectors._redaction
from collectors._redaction.redact import MaskingStopped, Redactor

KEY = b"k" * 32
SIZE = 1500
QUADRATIC = 4.0

UNITS = (
    'pass="', 'psk="" ', "Cookie:" + " " * 50, "auth=", 'auth="', 'auth=\\"', "name=", 'name="password" ', "value=",
    '"value":', "<", "<a>", "<name>", "<password>", "{", "[", "tokens: [", '"', "'", "\\", "`", "pass ", "pass no ", "a_key=1 ",
    "a_key=1", "a_key ", "--password ", "--pass=x ", "-p ", "-p1a", "-u a:", "@", "a@", "a://", "a:b@", "a/", "$1$", "eyJaaaaa.",
    "xoxb-", ".", "_", "aA1", "a:", "identified by '", "stats auth ", "nickserv identify ", ": PSK ", "12 md5 ", "user >", "|",
    "MONITOR a@b ", "secure_link_md5 ", "\t", "\u00a0", "1.", "0-", "*", "(", "<<", "<!--", "{SSHA}", "{PLAIN", "md5", "pbkdf2.",
    "hook/", "-----BEGIN A-----", "jdbc:a:b/", "pass=,", "pass ,", '"password",', "password(", "A1" * 9 + "/", "[a]:1 b:",
    "password for ", "x-auth: ", "name: password\n", "<password>\n", "secret: |\n  ", "- ", "password = x\\\n",
    "radtest a ", "net use ", "echo a1 | passwd ", "<<< a ", "u=a,p=b,", "secret,data=", "[users]\na = b1\n", '"a" MD5 "', "allow a:b1 ",
    "x: abcdef1, y, ", "a1b2,c,1,", "/a b c1d2 ", "$ENV{API_KEY} = '", "# # ", "password@", "connect to x user y using ",
    "user,password\n", "| user | password |\n", "a,", "10.0.0.1 aB3def\n", "a.b\tc1d2\n", "pass=''a", "pass=[]a", "-u a:'b' ", "omniauth :a, 'b', 'c1d2' ", "f('cn=a', 'b1c2') ",
    "<value>a</value><name>password</name>", "keys=a1b2,", "smb://a/b:c1d2@", "# password  token\n", "variable 'password' { ",
)  # fmt: skip


def modules():
    for found in pkgutil.iter_modules(collectors._redaction.__path__, "collectors._redaction."):
        yield importlib.import_module(found.name)


def patterns(value):
    """Yield the compiled expressions in a module's names, also those in tuples and mappings."""
    match value:
        case re.Pattern():
            yield value
        case tuple() | dict():
            for item in value.values() if isinstance(value, dict) else value:
                yield from patterns(item)


def gives_back(tree):
    """Yield each repeat without a bound that may give back what it took: those make a search retry."""
    operations = re._constants  # the parsed form of an expression has no other name
    for operation, argument in tree:
        if (
            operation in {operations.MAX_REPEAT, operations.MIN_REPEAT}
            and argument[1] == operations.MAXREPEAT
        ):
            yield argument
        parts = argument if isinstance(argument, tuple | list) else ()
        for part in itertools.chain(*(p if isinstance(p, list) else [p] for p in parts)):
            if isinstance(part, re._parser.SubPattern):
                yield from gives_back(part)


def test_no_expression_retries_what_it_has_read():
    for module in modules():
        for name, value in vars(module).items():
            for pattern in patterns(value):
                assert not list(gives_back(re._parser.parse(pattern.pattern, pattern.flags))), (
                    module.__name__,
                    name,
                )


def steps(text):
    """Return how many calls the interpreter makes to mask a text; the same at every run."""
    count = 0

    def count_calls(_frame, event, _argument):
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count_calls)
    try:
        Redactor(KEY).mask(text)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("width", [100, SIZE * 2])
@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_text_takes_about_twice_the_steps(unit, width):
    def text(size):
        whole = (unit * (size // len(unit) + 1))[:size]
        return "\n".join(whole[at : at + width] for at in range(0, size, width))

    Redactor(KEY).mask(text(SIZE))  # what is remembered of names is remembered
    # An even number of lines may be users with their passwords, which takes another way than an odd one.
    once = max(steps(text(SIZE)), steps(text(SIZE + 100)))
    assert steps(text(2 * SIZE)) < QUADRATIC * 0.65 * once + 500


@pytest.mark.parametrize("unit", UNITS)
def test_a_line_of_any_one_thing_is_masked_without_an_error(unit):
    for length in (4095, 4096, 4097):
        assert Redactor(KEY).mask((unit * length)[:length]) is not None


def test_a_text_whose_budget_is_used_up_is_not_masked_at_all():
    asked = []

    def is_over():
        asked.append(None)
        return len(asked) > 50

    with pytest.raises(MaskingStopped):
        Redactor(KEY).mask("password = x\n" * 100, is_over)
    assert len(asked) == 51


def test_a_budget_that_holds_changes_nothing():
    text = "password = x\nport = 1\n"
    assert Redactor(KEY).mask(text, lambda: False) == Redactor(KEY).mask(text)


@pytest.mark.parametrize("unit", UNITS)
def test_a_text_keeps_its_lines_whatever_they_are_made_of(unit):
    text = "\n".join([unit.replace("\n", "")] * 50)
    if "-----BEGIN" not in text:
        assert Redactor(KEY).mask(text).count("\n") == text.count("\n")
