"""How a command beside the main process ended, where that is what failed: of ExecStartPre=, ExecStop= and their like. Pure."""

import signal
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from collectors._services.transitions import Step, What

CODES_OF_RESULTS = {"exit-code": 1, "signal": 2, "core-dump": 3}
"""By results of systemd: the code of waitid(2) of the process that they are of."""
_FAILURES = {What.FAILED, What.GAVE_UP, What.RELOAD_FAILED}
_CLEAN: dict[str, set[int]] = {
    "exit-code": {0},
    "signal": {signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM},
    "core-dump": set(),
}
"""With which a main process mostly ended well; systemd ends it by SIGTERM itself when a command failed."""


def parse_exits(
    commands_of_each: Iterable[Any], since_monotonic: int, main_pid: int
) -> list[tuple[int, int, int]]:
    """Return when each command since a moment went wrong, and waitid's code and status of it.

    Those that may fail are left out, and the main process, which is one of them.
    """
    return [
        (ended, code, status)
        for commands in commands_of_each
        for _, _, may_fail, *_, ended, pid, code, status in commands
        if code and status and not may_fail and pid != main_pid and ended >= since_monotonic
    ]


def may_be_of_command(step: Step) -> bool:
    """Return whether a command beside the main process may be what failed: the end of that is not what the result says."""
    if step.what not in _FAILURES or step.result not in CODES_OF_RESULTS:
        return False
    is_so_ended = step.look.exec_code == CODES_OF_RESULTS[step.result]
    is_clean = step.look.exec_status in _CLEAN[step.result]
    return step.what is What.RELOAD_FAILED or not is_so_ended or is_clean


def with_command(step: Step, status: int | None) -> Step:
    """Return the step with how a command ended; its `status` is None where none ended as the result says."""
    look, code = step.look, CODES_OF_RESULTS[step.result]
    if status is None and look.exec_code == code and look.exec_status:
        return step  # a oneshot that SIGTERM ended
    look = replace(look, exec_code=code if status else 0, exec_status=status or 0)
    return replace(step, look=look, of_command=bool(status))
