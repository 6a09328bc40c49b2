"""The pictures of README and the answers of docs/operations.md, made from what a real agent says on a booted host.

`make pictures` boots a Debian, installs the package there and lets an outage happen (`tests/host/harness/outage.py`). Nothing is
typed by hand: what the commands print goes into the documents as it is. Needs root, and what the host tests need.
"""

import re
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/host"), str(ROOT / "tests/agent/report")]

from browser import Browser  # noqa: E402 - found by the line above
from harness import image  # noqa: E402 - likewise
from harness.host import Host  # noqa: E402 - likewise
from harness.image import BOOKWORM  # noqa: E402 - likewise
from harness.outage import Answers, play  # noqa: E402 - likewise
from harness.packages import VERSION, apt, bring, built  # noqa: E402 - likewise
from harness.receiver import Receiver  # noqa: E402 - likewise

PICTURES = ROOT / "docs/pictures"
OPERATIONS = ROOT / "docs/operations.md"
MOST_BYTES = 200_000
_WIDTH = 132
# As a machine of its own has it: systemd-nspawn forbids it to a container.
_WHO = ("--system-call-filter=fanotify_init fanotify_mark",)
_ANSWER = re.compile(r"(<!-- answer (\w+) -->\n)```\w*\n.*?^```$", re.DOTALL | re.MULTILINE)
# A page that shows the picture may load nothing from elsewhere: fonts come from the reader's own machine.
_NO_FONTS = re.compile(r"@font-face \{\{.*?\}\}", re.DOTALL)


def main() -> None:
    """Let it happen, and write everything."""
    receiver = Receiver()
    host = Host([image.base(debian=BOOKWORM)], receiver)
    try:
        answers, page = _outage(host)
    finally:
        host.close()
        receiver.go_away()
    PICTURES.mkdir(exist_ok=True)
    _draw(PICTURES / "log.svg", answers.before_the_outage)
    _draw(PICTURES / "status.svg", answers.nothing_arrives)
    _photograph(PICTURES / "report.png", page)
    OPERATIONS.write_text(_with_answers(OPERATIONS.read_text(), answers))
    for picture in sorted(PICTURES.iterdir()):
        size = picture.stat().st_size
        print(f"{picture.relative_to(ROOT)}: {size / 1000:.0f} kB")
        if size > MOST_BYTES:
            sys.exit(f"{picture} is larger than {MOST_BYTES / 1000:.0f} kB")


def _outage(host: Host) -> tuple[Answers, str]:
    """Return the answers, and the page of a report about it."""
    host.boot(options=_WHO)
    apt(host, "install", bring(host, built("deb", VERSION)))
    host.configure()
    host.path("/etc/sts-agent/conf.d/system.yaml").unlink()  # most of what it names is not on this Debian
    host.run("systemctl", "restart", "sts-agent")
    host.wait_until_watching("services")
    answers = play(host)
    host.run("sts-agent", "report", "--since", "3m", "--around", answers.moment, "-o", "/root/host.html")
    return answers, host.read("/root/host.html")


def _draw(target: Path, answer: tuple[str, str]) -> None:
    asked, said = answer
    with Path("/dev/null").open("w") as nowhere:
        console = Console(record=True, width=_WIDTH, file=nowhere, highlight=False)
        console.print(Text(f"$ {asked}", style="bold"))
        console.print(Text(said.rstrip()))
        console.print()  # the picture ends in the middle of its last line
        console.save_svg(str(target), title=asked, code_format=_NO_FONTS.sub("", CONSOLE_SVG_FORMAT))


def _photograph(target: Path, page: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "host.html"
        file.write_text(page)
        with Browser(Path(directory) / "profile", width=1280, height=1020) as browser:
            browser.open(file)
            browser.run("document.querySelector('#before button').click(); scrollTo(0, 0)")
            browser.screenshot(target)


def _with_answers(document: str, answers: Answers) -> str:
    """Return the document with each answer in the place that is marked for it."""

    def answered(found: re.Match[str]) -> str:
        asked, said = getattr(answers, found[2])
        return f"{found[1]}```text\n$ {asked}\n{said.rstrip()}\n```"

    return _ANSWER.sub(answered, document)


if __name__ == "__main__":
    main()
