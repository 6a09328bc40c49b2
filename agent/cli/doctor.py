"""`sts-agent doctor`: what the daemon will need, tried as the user it will run as."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterator

from agent.cli import COMMANDS, DONE, FAILED, MISUSED, CommandError, Subparsers
from agent.configuration.types import Configuration
from agent.systems.finding import Finding

_DAEMON_SECONDS = 2.0


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's options."""
    parser = subparsers.add_parser("doctor", help=COMMANDS["doctor"], description=COMMANDS["doctor"])
    parser.add_argument("--json", action="store_true", help="print the findings as one JSON object")


def run(arguments: Namespace) -> int:
    """Look at everything; 1 when something is missing that the daemon cannot do without."""
    from agent.diagnosis.identity import SERVICE_USER, call_as, service_user

    user = None if arguments.user else service_user()
    examined = call_as(user, lambda: _examine(arguments)) if user else _examine(arguments)
    result = json.loads(examined)
    if problems := result["problems"]:
        print("\n".join(problems), file=sys.stderr)
        return MISUSED
    findings = [Finding(**finding) for finding in result["findings"]]
    if user:
        findings.insert(0, Finding("user", "ok", f"tried as {user.pw_name}, with the unit's capabilities"))
    elif not arguments.user:
        text = f"tried as yourself, not as {SERVICE_USER}: the daemon may be let do more, or less"
        findings.insert(0, Finding("user", "warn", text, "run this as root where the service is installed"))
    worst_is_fail = any(finding.level == "fail" for finding in findings)
    if arguments.json:
        import msgspec

        print(json.dumps({"ok": not worst_is_fail, "findings": msgspec.to_builtins(findings)}))
    else:
        _print(findings)
    return FAILED if worst_is_fail else DONE


def _examine(arguments: Namespace) -> bytes:
    """Return all findings as JSON, or the problems that keep the configuration from being used."""
    import msgspec

    from agent.configuration.load import load
    from agent.configuration.problem import ConfigurationError

    try:
        configuration = load(arguments.config, user=arguments.user, strict=False)
    except ConfigurationError as error:
        return json.dumps({"problems": [str(problem) for problem in error.problems]}).encode()
    return msgspec.json.encode({"problems": [], "findings": list(_findings(configuration))})


def _findings(configuration: Configuration) -> Iterator[Finding]:
    from agent.diagnosis import destinations, doubts, host, watched
    from agent.events.clock import is_trusted
    from agent.events.hostname import discover

    settings = configuration.settings
    for file, problems in configuration.set_aside.items():
        yield Finding("configuration", "fail", problems[0], f"mend {file}; `sts-agent check` tells all of it")
    if not configuration.set_aside:
        right = ", ".join(map(str, configuration.sources)) or "no file: every default counts"
        yield Finding("configuration", "ok", right)
    yield host.look_at_name(_name_of_daemon(configuration) or discover(settings.hostname))
    yield host.look_at_clock(is_trusted)
    yield from host.look_at_spool(configuration.spool_directory, settings.spool.max_size)
    scopes = configuration.collectors.get("files", ())
    findings, directories = watched.look_at_paths(path for scope in scopes for path in scope.config.paths)
    if scopes:
        yield from host.look_at_inotify(directories)
    if "services" in configuration.collectors:
        yield host.look_at_bus(host.ask_systemd_version)
    yield from findings
    yield from doubts.look_at_entries(configuration)
    yield from destinations.look_at_all(settings.destinations)


def _name_of_daemon(configuration: Configuration) -> str | None:
    """Return the name that the running daemon goes by, None where none runs or says one."""
    from agent.cli.ask import ask

    try:
        reply = ask(configuration.socket, "GET", "/status", timeout_seconds=_DAEMON_SECONDS)
        name = json.loads(reply.body).get("hostname") if reply.is_ok else None
    except (CommandError, ValueError):
        return None
    return name if isinstance(name, str) else None


def _print(findings: list[Finding]) -> None:
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        print(f"{finding.level:4}  {finding.check:{min(width, 32)}}  {finding.text}")
        if finding.advice:
            print(f"      -> {finding.advice}")
