"""What the documents say can be followed: links lead somewhere, commands are known, every reason is explained."""

import ast
import re
import shlex
from argparse import _SubParsersAction
from pathlib import Path

import pytest

from agent.cli import make_parser
from agent.runtime import status_actions

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`(?:sudo )?(sts-agent [^`\n]+)`")
_COMMAND = re.compile(
    r"(?:^|[|;&(] *|\$ |[A-Z_]+=\S+ |(?:sudo|docker exec \S+) )(sts-agent [^|;&>#)\n]+)", re.MULTILINE
)
_SHELLS = {"sh", "bash", "console"}


def shown(path):
    return str(path.relative_to(ROOT))


def headings(path):
    """Return the anchors that a reader of the rendered page can link to."""
    text = _FENCE.sub("", path.read_text())
    found = re.findall(r"^#+ +(.+?)\s*$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("document", DOCUMENTS, ids=shown)
def test_every_link_between_documents_leads_to_what_exists(document):
    astray = []
    for link in _LINK.findall(_FENCE.sub("", document.read_text())):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in headings(target)):
            astray.append(link)
    assert astray == []


def commands_of(text):
    """Yield each command line of the program that a document shows: in a block of shell, or as `sts-agent …`."""
    for language, block in _FENCE.findall(text):
        if language in _SHELLS:
            yield from _COMMAND.findall(block.replace("\\\n", " "))
    yield from _CODE.findall(_FENCE.sub("", text))


COMMANDS = [
    pytest.param(command.strip(), id=f"{shown(document)}: {command.strip()}")
    for document in DOCUMENTS
    for command in dict.fromkeys(commands_of(document.read_text()))
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_a_document_is_one_that_the_program_knows(command, whole_parser):
    parser = whole_parser
    for word in _words(command):
        deeper = _subparsers(parser)
        if word.startswith("-") and word != "-":
            options = {*parser._option_string_actions, *whole_parser._option_string_actions}
            assert word.partition("=")[0] in options, word
        elif deeper is not None and re.fullmatch("[a-z]+", word):
            assert word in deeper, word
            parser = deeper[word]


@pytest.fixture(scope="module")
def whole_parser():
    return make_parser()


def _words(command):
    """Return the words of a command line after the program's name, without the brackets of what may be left out."""
    return [word.strip("[].,:") or word for word in shlex.split(command.replace("'", '"'))[1:]]


def _subparsers(parser):
    return next((one.choices for one in parser._actions if isinstance(one, _SubParsersAction)), None)


def reasons():
    """Yield what stands for sure in each reason that `status` gives, in the order of the source."""
    tree = ast.parse(Path(status_actions.__file__).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Action":
            yield from _fixed_words(node.args[0])
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "text":
            yield from _fixed_words(node.value)


def _fixed_words(expression):
    for part in ast.walk(expression):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            words = part.value.strip(" :,")
            if " " in words:
                yield words


@pytest.mark.parametrize("reason", sorted(set(reasons())))
def test_every_reason_that_asks_for_action_is_explained_in_operations(reason):
    assert reason in (ROOT / "docs" / "operations.md").read_text()


def lines_of_the_log():
    """Yield each message that a module logs as a warning or worse and that has words of its own; not tracebacks."""
    for package in ("agent", "collectors", "spool"):
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                    message = _message(node)
                    if message and message.removeprefix("%s") != "":
                        yield message


def _message(call):
    """Return the text of a call such as `log.warning("…")`, nothing of other calls and of tracebacks."""
    is_log = ast.unparse(call.func.value).lower().endswith("log")
    first = call.args[call.func.attr == "log" and len(call.args) > 1]
    if not is_log or call.func.attr not in {"warning", "error", "critical", "log"}:
        return ""
    if any(keyword.arg == "exc_info" for keyword in call.keywords):
        return ""
    return first.value if isinstance(first, ast.Constant) else ""


@pytest.mark.parametrize("message", sorted(set(lines_of_the_log())))
def test_every_warning_of_the_log_is_explained_in_operations(message):
    assert f"| `{message}` |" in (ROOT / "docs" / "operations.md").read_text()


def test_no_line_is_explained_that_the_program_does_not_say():
    section = (ROOT / "docs" / "operations.md").read_text().partition("## The log: each warning")[2]
    assert set(re.findall(r"^\| `(.+?)` \| ", section, re.MULTILINE)) == set(lines_of_the_log())


def checks_of_the_doctor():
    """Yield the fixed name of each check."""
    for file in [*(ROOT / "agent/doctor").glob("*.py"), ROOT / "agent/cli/doctor.py"]:
        for node in ast.walk(ast.parse(file.read_text())):
            is_finding = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding"
            if is_finding and node.args and isinstance(node.args[0], ast.Constant):
                yield node.args[0].value


@pytest.mark.parametrize("check", sorted(set(checks_of_the_doctor())))
def test_every_check_of_the_doctor_is_explained_in_operations(check):
    assert f"| `{check}`" in (ROOT / "docs" / "operations.md").read_text()


def test_what_has_to_be_explained_is_found():
    assert len(set(reasons())) > 15
    assert len(set(lines_of_the_log())) > 40
    assert len(set(checks_of_the_doctor())) > 8
