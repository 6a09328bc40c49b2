"""How a step is told: one event of the model for each, with the identity that systemd gave the fact."""

import signal

from collectors._origin.decide import Origin
from collectors._redaction.passing import unit_without_secrets
from collectors._services.transitions import Step, What
from collectors.event import AlertType, Category, Event, Value

_SECOND = 1_000_000
_KILLED = {2, 3}  # CLD_KILLED, CLD_DUMPED of waitid(2)
_EXITED = 1

_EVENT_TYPES = {
    What.STARTED: "ServiceStartedEvent",
    What.STOPPED: "ServiceStoppedEvent",
    What.RELOADED: "ServiceReloadedEvent",
    What.RELOAD_FAILED: "ServiceFailedEvent",
    What.FAILED: "ServiceFailedEvent",
    What.GAVE_UP: "ServiceFailedEvent",
    What.NOT_STARTED: "ServiceFailedEvent",
    What.FLAPPING: "ServiceFlappingEvent",
}
"""By kind; a step of another kind is never told."""
_ALERTS = {What.RELOAD_FAILED, What.FAILED, What.GAVE_UP, What.NOT_STARTED, What.FLAPPING}


def tell(
    step: Step,
    *,
    while_agent_down: bool = False,
    user_manager: bool = False,
    tags: tuple[str, ...] = (),
    element_identifiers: tuple[str, ...] = (),
) -> Event:
    """Return the event of a step."""
    data = _data(step) | (step.origin or Origin()).as_data()
    if while_agent_down:
        data["while_agent_down"] = True
    if user_manager:
        data["manager"] = "user"
    alert = step.what in _ALERTS
    return Event(
        name="service",
        event_type=_EVENT_TYPES[step.what],
        category=Category.ALERTS if alert else Category.ACTIVITIES,
        title=_title(step),
        text=_text(step, while_agent_down=while_agent_down),
        timestamp=step.at // _SECOND,
        data=data,
        tags=tags,
        element_identifiers=element_identifiers,
        source_identifier=_identity(step),
        alert_type=AlertType.ERROR if alert else AlertType.INFO,
    )


def _identity(step: Step) -> str:
    if not step.invocation:
        return ""  # no run, no name of systemd's for it
    match step.what:
        case What.RELOADED | What.RELOAD_FAILED | What.FLAPPING:  # may happen to one run more than once
            return f"{step.invocation}:{step.what}:{step.at}"
        case _:
            return f"{step.invocation}:{step.what}"


def _data(step: Step) -> dict[str, Value]:
    look = step.look
    of_this_run = step.invocation == look.invocation
    state, sub_state = _states(step)
    data: dict[str, Value] = {
        "unit": unit_without_secrets(step.unit),
        "state": state,
        "sub_state": sub_state,
        "invocation_id": step.invocation,
    }
    if of_this_run and (pid := look.main_pid or look.exec_pid):
        data["main_pid"] = pid
    if step.what in _ALERTS or look.restarts:
        data["restarts"] = look.restarts
    if step.what in _ALERTS:
        data["result"] = step.result
    if of_this_run and step.what in _ALERTS and look.exec_code == _EXITED:
        data["exit_code"] = look.exec_status
    elif of_this_run and step.what in _ALERTS and look.exec_code in _KILLED:
        data["signal"] = signal_name(look.exec_status)
    if step.what is What.FLAPPING:
        data["count"] = step.count
        data["window_seconds"] = step.window_seconds
    if step.what is What.GAVE_UP:
        data["gave_up"] = True
    if step.log:
        data["log"] = step.log
    if step.missing_after_boot:
        data["after_boot"] = True
    return data


def _states(step: Step) -> tuple[str, str]:
    """Return systemd's states of the run at the moment of the step, which may be before that of the look."""
    if step.invocation != step.look.invocation:
        return "inactive", "dead"
    if step.what is What.STARTED and step.look.state != "active":
        return "active", ""  # it was that, and as what kind of active nobody has seen
    return step.look.state, step.look.sub_state


def _title(step: Step) -> str:
    unit = unit_without_secrets(step.unit)
    match step.what:
        case What.RELOAD_FAILED:
            return f"{unit} did not reload"
        case What.GAVE_UP:
            return f"{unit} failed and is not started again"
        case What.NOT_STARTED:
            return f"{unit} did not start"
        case What.FLAPPING:
            return f"{unit} keeps ending: {step.count} times in {step.window_seconds} s"
        case What.STOPPED if step.missing_after_boot:
            return f"{unit} did not come back after the boot"
        case _:
            return f"{unit} {step.what}"


def _text(step: Step, *, while_agent_down: bool) -> str:
    sentences = [_reason(step)]
    if step.unseen_ends > 1:
        sentences.append(f"systemd started it again {step.unseen_ends} times meanwhile.")
    if while_agent_down:
        sentences.append("It happened while the agent was not running.")
    return " ".join(filter(None, sentences))


def _reason(step: Step) -> str:
    look = step.look
    match step.what:
        case What.STARTED:
            return f"Main process {look.main_pid}." if look.main_pid else ""
        case What.NOT_STARTED:
            return f"The result of its start job is {step.result!r}."
        case What.STOPPED if step.by_itself:
            return "It ended by itself, and systemd starts it again."
        case What.STOPPED | What.RELOADED | What.RESTARTING:
            return ""
    who = "its main process" if look.exec_pid and not step.of_command else "a command of its"
    if look.exec_code == _EXITED and look.exec_status:
        return f"Result {step.result!r}: {who} exited with status {look.exec_status}."
    if look.exec_code in _KILLED:
        return f"Result {step.result!r}: {who} was killed by {signal_name(look.exec_status)}."
    return f"Result {step.result!r}."


def signal_name(number: int) -> str:
    """Return `SIGKILL` for 9; a number that has no name stays one."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
