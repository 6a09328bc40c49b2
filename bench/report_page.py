"""How quick a page of fifty thousand events is in a real browser: the frames while somebody scrolls and types.

`make bench-report` prints it. The browser is Debian's chromium, without a screen and without a graphics card.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/agent/report")]

from browser import SCROLL_AND_FILTER, Browser  # noqa: E402 - found by the line above
from report_examples import keep, many  # noqa: E402 - likewise

from agent.report.history import read_history  # noqa: E402 - likewise
from agent.report.page import Asked, page  # noqa: E402 - likewise
from agent.runtime.status import Document  # noqa: E402 - likewise
from spool import SpoolReader  # noqa: E402 - likewise


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "host.html"
        keep(Path(directory) / "spool", many())
        began = time.perf_counter()
        with SpoolReader.open(Path(directory) / "spool") as reader:
            file.write_text(page(read_history(reader, None, None), Document(running=True), Asked()))
        print(f"made in {time.perf_counter() - began:.1f} s, {file.stat().st_size / 1e6:.1f} MB")
        with Browser(Path(directory) / "profile") as browser:
            browser.open(file)
            opened = browser.run("performance.timing.loadEventStart - performance.timing.navigationStart")
            before = browser.work_seconds()
            found = browser.run(SCROLL_AND_FILTER)
            worked = {kind: after - before[kind] for kind, after in browser.work_seconds().items()}
    frames = sorted(found["frames"])
    p50, p95 = frames[len(frames) // 2], frames[len(frames) * 95 // 100]
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"opened in {opened} ms; frames p50 {p50:.0f} ms, p95 {p95:.0f} ms; at most {found['nodes']} nodes")
    work = ", ".join(f"{kind} {1000 * seconds / len(frames):.1f} ms" for kind, seconds in worked.items())
    print(f"the page's own work in a frame: {work}")


if __name__ == "__main__":
    main()
