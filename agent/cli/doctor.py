"""`sts-agent doctor`: what the daemon will need, tried as the user it will run as."""

import json
import sys
from argparse import SUPPRESS, Namespace
from collections.abc import Iterator
from typing import Any

from agent.cli import COMMANDS, DONE, FAILED, MISUSED, CommandError, Subparsers
from agent.configuration.load import Loaded
from agent.configuration.types import Configuration
from agent.systems.finding import Finding
from collectors._portable import printable

_DAEMON_SECONDS = 2.0


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's options."""
    parser = subparsers.add_parser("doctor", help=COMMANDS["doctor"], description=COMMANDS["doctor"])
    parser.add_argument("--json", action="store_true", help="print the findings as one JSON object")
    parser.add_argument("--in-unit", action="store_true", help=SUPPRESS)


def run(arguments: Namespace) -> int:
    """Look at everything; 1 when something is missing that the daemon cannot do without."""
    examined, how = _try(arguments)
    if arguments.in_unit:
        print(examined.decode())
        return DONE
    result = json.loads(examined)
    if problems := result["problems"]:
        print("\n".join(problems), file=sys.stderr)
        return MISUSED
    findings = [*how, *(Finding(**finding) for finding in result["findings"])]
    worst_is_fail = any(finding.level == "fail" for finding in findings)
    if arguments.json:
        import msgspec

        print(json.dumps({"ok": not worst_is_fail, "findings": msgspec.to_builtins(findings)}))
    else:
        _print(findings)
    return FAILED if worst_is_fail else DONE


def _try(arguments: Namespace) -> tuple[bytes, list[Finding]]:
    """Return what was found, from as near to where the daemon will be as we may go, and how near that is."""
    from agent.doctor import in_unit
    from agent.doctor.identity import SERVICE_USER, call_as, service_user

    if arguments.user or arguments.in_unit:
        return _examine(arguments), []
    user = service_user()
    not_tried: list[Finding] = []
    if user and in_unit.is_possible():
        config = ["--config", str(arguments.config.absolute())] if arguments.config else []
        try:
            found = in_unit.run([*config, "doctor", "--in-unit"])
            json.loads(found)
        except (in_unit.NotTried, ValueError) as error:
            advice = f"look at `systemctl cat {in_unit.UNIT}`: the service may not start either"
            not_tried = [Finding("unit", "fail", f"nothing runs where the service will: {error}", advice)]
        else:
            text = f"tried as {user.pw_name}, in a unit with the directives of {in_unit.UNIT}"
            return found, [Finding("user", "ok", text)]
    if user:
        as_user = Finding("user", "ok", f"tried as {user.pw_name}, with the unit's capabilities")
        return call_as(user, lambda: _examine(arguments)), [as_user, *not_tried]
    text = f"tried as yourself, not as {SERVICE_USER}: the daemon may be let do more, or less"
    return _examine(arguments), [
        Finding("user", "warn", text, "run this as root where the service is installed")
    ]


def _examine(arguments: Namespace) -> bytes:
    """Return all findings as JSON, or the problems that keep the configuration from being used."""
    import msgspec

    from agent.configuration.load import load_whole
    from agent.configuration.problem import ConfigurationError

    try:
        loaded = load_whole(arguments.config, user=arguments.user, for_run=arguments.in_unit, strict=False)
    except ConfigurationError as error:
        return json.dumps({"problems": [str(problem) for problem in error.problems]}).encode()
    return msgspec.json.encode({"problems": [], "findings": list(_findings(loaded))})


def _findings(loaded: Loaded) -> Iterator[Finding]:
    from agent.doctor import capability, destinations, doubts, host, privacy, watched, who
    from agent.events.clock import is_trusted
    from agent.events.hostname import discover

    configuration = loaded.configuration
    settings = configuration.settings
    for file, problems in configuration.set_aside.items():
        yield Finding(
            "configuration", "fail", problems[0], f"fix {file}; `sts-agent check` lists every problem"
        )
    if not configuration.set_aside:
        right = ", ".join(map(str, configuration.sources)) or "no file: every default counts"
        yield Finding("configuration", "ok", right)
    for doubt in privacy.doubts(loaded):
        yield Finding(
            "secrets", "warn", doubt, "chmod it, then look who has read it: change a key that others know"
        )
    for doubt in capability.doubts(configuration.collectors):
        yield Finding("processes", "warn", doubt, "use the drop-in, or match by name or cmdline")
    said = _said_by_daemon(configuration)
    name = str(said.get("hostname") or "") or discover(settings.hostname)
    yield host.look_at_name(name)
    yield host.look_at_clock(is_trusted=is_trusted())
    yield from host.look_at_spool(configuration.spool_directory, settings.spool.max_size)
    scopes = configuration.collectors.get("files", ())
    findings, directories = watched.look_at_paths(
        (path, scope.config.leads_to(path)) for scope in scopes for path in scope.config.all_paths()
    )
    if scopes:
        yield from host.look_at_inotify(directories)
    if "services" in configuration.collectors:
        yield host.look_at_bus(host.ask_systemd_version)
    if scopes:
        yield who.look_at_who(said.get("who"))
    yield from findings
    yield from doubts.look_at_entries(configuration.collectors)
    yield from destinations.look_at_all(settings.destinations, name)


def _said_by_daemon(configuration: Configuration) -> dict[str, Any]:
    """Return what the running daemon says of itself, nothing where none runs or answers."""
    from agent.cli.daemon_client import ask

    try:
        reply = ask(configuration.socket, "GET", "/status", timeout_seconds=_DAEMON_SECONDS)
        said = json.loads(reply.body) if reply.is_ok else None
    except (CommandError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _print(findings: list[Finding]) -> None:
    from agent.cli.table import print_wrapped
    from agent.cli.terminal import columns

    width, most = min(max(len(finding.check) for finding in findings), 32), columns()
    for finding in findings:
        print_wrapped(f"{finding.level:4}  {finding.check:{width}}  {printable(finding.text)}", most, 6)
        if finding.advice:
            print_wrapped(f"      -> {printable(finding.advice)}", most, 3)
