"""What needs a booted host: services beside a poller at 1 s, and what the agent costs when nothing happens.

The host is a real Debian with systemd, booted in a container as the host tests do; the agent is installed on
it as an operator installs it, with its default configuration.
"""

import http.server
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from file_latency import Latency
from sink import Stamping

PATIENCE_SECONDS = 10.0
TICKS_PER_SECOND = 100
CHANGES_A_UNIT = 4
"""A unit that goes up and down more often is told as flapping."""
_POLLER = """\
previous=$(systemctl is-active {units})
while sleep 1; do
    now=$(systemctl is-active {units})
    [ "$now" = "$previous" ] || curl -s -o /dev/null --data-binary "$now" http://127.0.0.1:{port}/poller
    previous=$now
done
"""


def missing() -> str | None:
    """Return why no host can be booted here, or None."""
    sys.path.append(str(Path(__file__).parents[1] / "tests/host"))
    from harness import image

    return image.missing()


@contextmanager
def host(port: int) -> Iterator[Any]:
    """Yield a booted host whose agent reports to the sink at `port`."""
    from harness import image
    from harness.host import Host, agent_layer
    from harness.receiver import Receiver

    base = image.base()
    receiver = Receiver()
    made = Host([agent_layer(base), base], receiver)
    try:
        made.write(
            "/etc/sts-agent/agent.yaml",
            "hostname: bench.example.com\ndestinations:\n"
            f"  sink: {{type: stackstate, url: 'http://127.0.0.1:{port}/agent', api_key: bench}}\n",
        )
        made.write("/etc/systemd/system/bench@.service", "[Service]\nExecStart=/bin/sleep infinity\n")
        made.boot()
        yield made
    finally:
        made.close()
        receiver.go_away()


def services(made: Any, port: int, changes: int) -> list[Latency]:
    """Start and stop services; return how late the agent and the poller had each change."""
    agent: list[float] = []
    poller: list[float] = []
    units = [f"bench@{number}.service" for number in range(-(-changes // CHANGES_A_UNIT))]
    # Wanted by something, systemd keeps a unit and its time stamps also when it is stopped.
    made.run("systemctl", "add-wants", "multi-user.target", *units)
    made.run("systemctl", "start", *units)
    with made.running("sh", "-c", _POLLER.format(units=" ".join(units), port=port)):
        time.sleep(5)
        for number in range(changes):
            unit = units[number // CHANGES_A_UNIT]
            Stamping.arrivals.clear()
            made.run("systemctl", "stop" if number % 2 == 0 else "start", unit)
            changed = int(made.property(unit, "StateChangeTimestampMonotonic")) / 1e6
            with Stamping.changed:
                Stamping.changed.wait_for(
                    lambda unit=unit: _first("/poller") and _first(unit), PATIENCE_SECONDS
                )
                for mark, found in (("/poller", poller), (unit, agent)):
                    found += [at - changed for at in _first(mark)]
            time.sleep(0.137 * (number % 7))  # wherever the poller is in its second
    names = ("sts-agent", "`systemctl is-active` every 1 s | curl")
    return [
        Latency(name, sorted(found), changes - len(found))
        for name, found in zip(names, (agent, poller), strict=True)
    ]


def _first(mark: str) -> list[float]:
    """Return when the first request came that has a mark in its path or its body; none or one."""
    return [at for at, path, body in Stamping.arrivals if mark == path or mark.encode() in body][:1]


def idle(made: Any, settle_seconds: float, seconds: float) -> list[str]:
    """Return the lines of the table of what the agent uses when nothing happens."""
    time.sleep(settle_seconds)
    pid = made.property("sts-agent.service", "MainPID")
    time.sleep(5)
    before = use_of(made, pid)
    began = time.monotonic()
    time.sleep(seconds)
    after = use_of(made, pid)
    minutes = (time.monotonic() - began) / 60
    voluntary, preempted = ((after[key] - before[key]) / minutes for key in ("voluntary", "preempted"))
    share = (after["run_ns"] - before["run_ns"]) / 1e9 / (minutes * 60)
    return [
        "| idle, default configuration | measured | goal |",
        "|---|---:|---:|",
        f"| context switches per minute, of its own accord | {voluntary:.1f} | < 10 |",
        f"| besides, because others wanted the processor | {preempted:.1f} | |",
        f"| CPU of one core | {share:.4%} | < 0.01 % |",
        f"| resident memory | {after['rss_kib'] / 1024:.1f} MiB | <= 40 MiB |",
        f"| of it private (the rest are mapped files) | {after['anonymous_kib'] / 1024:.1f} MiB | |",
        f"| threads | {after['threads']} | |",
    ]


def use_of(made: Any, pid: str) -> dict[str, int]:
    """Return what all threads of the agent used so far, from one look at /proc that nothing of the host notices."""
    process = made.path(f"/proc/{pid}")
    text = (process / "status").read_text()
    status = dict(line.split(":", 1) for line in text.splitlines())
    tasks = list((process / "task").iterdir())
    voluntary = preempted = 0
    for task in tasks:
        fields = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        voluntary += int(fields["voluntary_ctxt_switches"])
        preempted += int(fields["nonvoluntary_ctxt_switches"])
    return {
        "voluntary": voluntary,
        "preempted": preempted,
        "run_ns": sum(int((task / "schedstat").read_text().split()[0]) for task in tasks),
        "rss_kib": int(status["VmRSS"].split()[0]),
        "anonymous_kib": int(status["RssAnon"].split()[0]),
        "threads": len(tasks),
    }


@contextmanager
def sink() -> Iterator[int]:
    """Run the sink in this process; yield its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stamping)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 60}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.socket.close()


def state_of_machine() -> str:
    """Return what to know of the machine beside the figures: kernel, processors, the Python that runs this, load."""
    kernel = subprocess.run(["uname", "-sr"], check=True, capture_output=True, text=True).stdout.strip()
    processors = subprocess.run(["nproc"], check=True, capture_output=True, text=True).stdout.strip()
    load = Path("/proc/loadavg").read_text().split()[0]
    python = f"Python {platform.python_version()} ({Path(sys.executable).resolve()})"
    return f"{kernel}, {processors} processors, {python}, load {load}"
