"""`status` as one screen for people: is it working, what waits and since when, what is wrong, what to do.

Lines only: whoever prints them breaks those that are too wide.
"""

from collections.abc import Iterator

from agent.cli.table import ago, moment, size
from agent.runtime.status import LITTLE_ROOM_BYTES, Destination, Document, SpoolSize, WhoState
from agent.runtime.status_actions import configuration_problems
from collectors._portable import counted, printable

_NO_DESTINATION = "no destination is configured"


def lines(document: Document) -> Iterator[str]:
    """Yield the screen, the verdict first; nothing in it moves a cursor."""
    return map(printable, _lines(document))


def _lines(document: Document) -> Iterator[str]:
    yield from _verdict(document)
    yield from _to_do(document)
    if document.collectors:
        yield ""
        yield "collectors"
        width = max(map(len, document.collectors))
        for name, found in document.collectors.items():
            again = f", started again {counted(found.restarts, 'time')}" if found.restarts else ""
            yield f"  {name:{width}}  {found.state}{again}{f': {found.detail}' if found.detail else ''}"
    for name, destination in document.destinations.items():
        yield ""
        yield from _of_a_destination(name, destination)
    yield ""
    yield from _of_the_rest(document)


def _verdict(document: Document) -> Iterator[str]:
    if document.no_answer:
        yield "sts-agent is running" if document.running else "whether sts-agent is running cannot be told"
        yield "what follows is what its files say"
    elif document.running:
        started = f", since {moment(document.started)}" if document.started else ""
        yield f"sts-agent {document.version} is running{started} (pid {document.pid})"
        trusted = "" if document.clock_trusted else ", its clock is not synchronised"
        yield f"host: {document.hostname or 'no acceptable name: nothing is sent'}{trusted}"
    else:
        yield "sts-agent is not running"
    if not document.action_needed:
        yield f"all is well: {_waits(document)}"


def _waits(document: Document) -> str:
    if not document.destinations:
        return "events are recorded on this host and sent nowhere"
    waiting = {name: one.waiting_events for name, one in document.destinations.items() if one.waiting_events}
    if not waiting:
        return "nothing waits"
    return ", ".join(f"{counted(events, 'event')} waiting for {name}" for name, events in waiting.items())


def _to_do(document: Document) -> Iterator[str]:
    if document.action_needed:
        yield ""
        yield f"ACTION NEEDED ({len(document.action_needed)})"
    of_agent_yaml = filter(None, [document.replaced, document.refused_reload])
    problems = [*document.set_aside.values(), *of_agent_yaml]
    also = dict(zip(configuration_problems(document), problems, strict=True))
    for reason, advice in zip(document.action_needed, document.what_to_do, strict=True):
        yield f"  ! {reason}"
        yield from (f"    also: {problem}" for problem in also.pop(reason, [])[1:])
        if advice:
            yield f"    -> {advice}"


def _of_a_destination(name: str, found: Destination) -> Iterator[str]:
    until = f" until {moment(found.until)}" if found.until else ""
    yield f"destination {name}: {found.state}{until}"
    if found.waiting_events:
        since = f", the oldest of {moment(found.oldest_waiting)}" if found.oldest_waiting else ""
        yield f"  waiting: {counted(found.waiting_events, 'event')} ({size(found.waiting_bytes)}){since}"
    else:
        yield "  waiting: nothing"
    yield f"  last success: {ago(found.last_success)}"
    reason = found.last_failure_reason or found.reason
    if found.last_failure or reason:
        yield f"  last failure: {ago(found.last_failure)}{f': {reason}' if reason else ''}"
    lost = [f"{count} {reason}" for reason, count in found.dropped.items() if count]
    if lost:
        yield f"  dropped: {', '.join(lost)}"


def _of_the_rest(document: Document) -> Iterator[str]:
    if document.odd_posts:
        yield f"posts: {document.odd_posts}"
    for name, listener in document.listens.items():
        problem = f": {listener.problem}" if listener.problem else ""
        yield f"{'does not listen' if problem else 'listens'}: {name} at {listener.address}{problem}"
    if document.who:
        yield _of_who(document.who)
    if document.spool:
        yield from _of_the_spool(document.spool)
    other_warnings = [one for one in document.warnings if not one.startswith(_NO_DESTINATION)]
    is_asked = bool(document.running and not document.no_answer)
    if not document.destinations and (is_asked or len(other_warnings) < len(document.warnings)):
        yield f"{_NO_DESTINATION}: events are recorded and sent nowhere"
    yield from (f"note: {warning}" for warning in other_warnings)


def _of_who(who: WhoState) -> str:
    if not who.on:
        return f"who: off: {who.why}"
    when = "at once" if who.at_once else "when a processor is free"
    seen = f"who: on, {when}, {counted(who.directories, 'directory', 'directories')}"
    seen += " and what begins to be executed" if who.execs else ""
    return f"{seen}; {who.not_marked} not: {who.why_not_marked}" if who.not_marked else seen


def _of_the_spool(kept: SpoolSize) -> Iterator[str]:
    yield f"spool: {size(kept.size_bytes)} of {size(kept.max_size_bytes)} in {kept.directory}"
    oldest = f", the oldest of {moment(kept.oldest)}" if kept.oldest else ""
    yield f"  {counted(kept.events, 'event')}{oldest}, {kept.rejected} rejected"
    if kept.free_bytes is not None and kept.free_bytes < LITTLE_ROOM_BYTES:
        yield f"  only {size(kept.free_bytes)} are free there: history that was delivered gives way first"
    if kept.refused_files:
        yield f"  {counted(kept.refused_files, 'file')} of incoming/ could not be taken in, see incoming-refused/"
    if kept.salvaging:
        yield "  what can be saved of a damaged copy is being brought back"
