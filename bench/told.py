"""A section of docs/quiet-day.md: what the histories of hosts of each Debian said, cut at what was done there."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def write_section(
    description: str | None, heading: str, header: Sequence[str], live: Callable[[Any], list[str]]
) -> None:
    """Do as the command line asks: `live` through it on each Debian, and show what was told of it."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--debian", help="one alone, as `Debian 13`")
    parser.add_argument(
        "--markdown", type=Path, help="put the section into this file, in place of an older one"
    )
    options = parser.parse_args()
    sys.path.append(str(Path(__file__).parents[1] / "tests/host"))
    from harness import image

    if reason := image.missing():
        raise SystemExit(f"needs a booted host: {reason} (make test-deps, as root)")
    out = [*header]
    for name, debian in image.DEBIANS.items():
        if options.debian in {None, name}:
            out += ["", f"## {name}", *live(debian)]
    if options.markdown:
        before = options.markdown.read_text().partition(f"\n{heading}\n")[0].rstrip()
        options.markdown.write_text("\n".join([before, "", *out]) + "\n")


@contextmanager
def agents_host(packages: tuple[str, ...], debian: Any) -> Iterator[Any]:
    """Yield a host with the agent and these packages, off as yet."""
    from harness import image
    from harness.host import Host, agent_layer
    from harness.receiver import Receiver

    base = image.base(packages, debian)
    receiver = Receiver()
    host = Host([agent_layer(base, debian), base], receiver)
    try:
        yield host
    finally:
        host.close()
        receiver.go_away()


class Told:
    """What the host's own history said, cut at what was done."""

    def __init__(self, host: Any) -> None:
        self._host = host
        self._seen = 0
        self.out: list[str] = []

    def since(self, title: str) -> None:
        """Note, under this title, what is new."""
        self._host.catch_up()
        shown = self._host.agent("log", "-n", "5000").stdout.splitlines()
        lines = [line for line in shown if "MarkEvent" not in line]
        text = [
            "",
            f"{title[0].upper()}{title[1:]}:",
            "",
            "```text",
            *(lines[self._seen :] or ["(nothing)"]),
            "```",
        ]
        self._seen = len(lines)
        self.out += text
        print("\n".join(text), flush=True)
