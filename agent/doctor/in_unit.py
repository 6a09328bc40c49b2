"""Trying things where the service will be: in a passing unit with the directives of the service's own, drop-ins included.

A user and its capabilities are not all that decides what the daemon may do; its sandbox does too. So root has systemd
run the doctor once with everything that `systemctl cat` says of the service but how it is started and ended.
Nothing of the unit is left behind, and what the service itself has open is not touched.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from agent.cli.again import command

UNIT = "sts-agent.service"
RUNTIME_UNITS = Path("/run/systemd/system")
_TIMEOUT_SECONDS = 120

_ABOUT_ITS_LIFE = frozenset(
    [
        "Type",
        "ExecStart",
        "ExecStartPre",
        "ExecStartPost",
        "ExecCondition",
        "ExecReload",
        "ExecStop",
        "ExecStopPost",
        "Restart",
        "RestartSec",
        "RestartSteps",
        "RestartMaxDelaySec",
        "RestartMode",
        "RestartPreventExitStatus",
        "RestartForceExitStatus",
        "SuccessExitStatus",
        "WatchdogSec",
        "WatchdogSignal",
        "TimeoutSec",
        "TimeoutStartSec",
        "TimeoutStopSec",
        "RuntimeMaxSec",
        "NotifyAccess",
        "FileDescriptorStoreMax",
        "FileDescriptorStorePreserve",
        "PIDFile",
        "BusName",
        "RemainAfterExit",
        "StandardInput",
        "StandardOutput",
        "StandardError",
        "RuntimeDirectoryPreserve",
        "Sockets",
    ]
)


class NotTried(Exception):  # noqa: N818 - it says what became of the trial
    """The doctor did not run in such a unit; the text says why."""


def is_possible() -> bool:
    """Return whether we may ask systemd, and it knows the service."""
    if os.geteuid() != 0 or not RUNTIME_UNITS.is_dir():
        return False
    with suppress(NotTried):
        return _ask("show", "--value", "--property=LoadState", UNIT).strip() == "loaded"
    return False


def run(arguments: Sequence[str]) -> bytes:
    """Return what `sts-agent` with these arguments prints inside such a unit; raises `NotTried`."""
    name = f"sts-agent-doctor-{os.getpid()}.service"
    unit, output = RUNTIME_UNITS / name, Path(f"/run/{name}.out")
    program = [*command(), *arguments]
    unit.write_text(passing_unit(_ask("cat", UNIT), program, output))
    try:
        _ask("start", name)
        return output.read_bytes()
    except (NotTried, OSError) as error:
        how = _ask("show", "--value", "--property=ExecMainStatus,Result", name).split()
        raise NotTried(f"{error} (ended with {' '.join(how)})") from None
    finally:
        unit.unlink(missing_ok=True)
        output.unlink(missing_ok=True)
        subprocess.run(["systemctl", "reset-failed", name], check=False, capture_output=True)  # noqa: S607 - root's own PATH


def passing_unit(cat: str, program: Sequence[str], output: Path) -> str:
    """Return the text of a unit that runs a program once, as the unit that `systemctl cat` shows runs its own."""
    words = " ".join(
        '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"' for word in program
    )
    lines = [
        "[Unit]",
        "Description=sts-agent doctor, where the service will be",
        "CollectMode=inactive-or-failed",
        "[Service]",
        *_directives(cat),
        "Type=oneshot",
        f"TimeoutStartSec={_TIMEOUT_SECONDS}",
        f"ExecStart={words}",
        f"StandardOutput=file:{output}",
        "SuccessExitStatus=0 1 2",
        "RuntimeDirectoryPreserve=yes",  # it is the service's: its socket lies there
    ]
    return "\n".join(lines) + "\n"


def _directives(cat: str) -> Iterator[str]:
    """Yield the [Service] directives in their order, those about a service's life left out, each on one line."""
    section = ""
    for line in cat.replace("\\\n", " ").splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text
        elif section == "[Service]" and _is_directive(text):
            yield text


def _is_directive(text: str) -> bool:
    return not text.startswith(("#", ";")) and text.partition("=")[0].strip() not in {*_ABOUT_ITS_LIFE, text}


def _ask(*words: str) -> str:
    """Return what systemctl says; raises `NotTried`."""
    try:
        done = subprocess.run(
            ["systemctl", "--no-pager", *words],  # noqa: S607 - root's own PATH
            check=False,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS + 10,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotTried(f"systemctl {words[0]}: {error}") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotTried(f"systemctl {words[0]}: {said[0] if said else done.returncode}")
    return done.stdout
