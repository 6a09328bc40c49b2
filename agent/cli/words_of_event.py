"""The event that the words of `event send` describe, checked, as it is posted.

It loads neither the event model nor what decodes events: they take longer than all of the rest. What an event may be is known without them.
"""

import json
import time
from argparse import Namespace
from typing import Any

from agent.cli import MISUSED, CommandError
from collectors._event.shape import (
    Category,
    EventError,
    check_fields,
    check_scalar,
    check_size,
    json_object,
    new_identifier,
)
from collectors._portable import escaped, portable

_LARGEST_READ_BYTES = 1024 * 1024


def compose(arguments: Namespace) -> tuple[str, bytes]:
    """Return the event's identifier and what is posted; raises `CommandError` for bad input."""
    _check_words(arguments)
    text = _read(0, "stdin").strip("\n") if arguments.text == "-" else arguments.text
    identifier = escaped(arguments.source_identifier or "") or new_identifier()
    try:
        "".join([arguments.title, text, *arguments.tags, *arguments.identifiers]).encode()
        encoded = _encode(_event(arguments, text, identifier))
        check_size(encoded)
    except EventError as error:
        raise CommandError(error.problem, error.hint, MISUSED) from None
    except UnicodeError:
        raise CommandError("a word of the command is not UTF-8", "", MISUSED) from None
    _check_type(escaped(arguments.type), encoded)
    name = _encode(escaped(arguments.name))
    return identifier, b'{"origin":"event send","events":{%s:[%s]}}' % (name, encoded)


def _event(arguments: Namespace, text: str, identifier: str) -> dict[str, Any]:
    """Return the event's JSON object; raises `EventError`."""
    name, event_type, timestamp = (
        escaped(arguments.name),
        escaped(arguments.type),
        _timestamp(arguments.timestamp),
    )
    data = {key: portable(value) for key, value in _data(arguments.data).items()}
    check_fields(name, event_type, arguments.title, timestamp, arguments.tags)
    for key, value in data.items():
        check_scalar(key, value)
    return json_object(
        name=name,
        event_type=event_type,
        category=_category(arguments.category),
        title=arguments.title,
        text=text,
        timestamp=timestamp,
        data=data,
        tags=arguments.tags,
        element_identifiers=arguments.identifiers,
        links=[_link(link) for link in arguments.links],
        source=escaped(arguments.source),
        source_identifier=identifier,
    )


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _check_words(arguments: Namespace) -> None:
    """Raise `CommandError` for an empty one: a variable of a script that was never set must not send an event astray."""
    given = [*arguments.identifiers, arguments.source_identifier]
    if any(identifier is not None and not identifier.strip() for identifier in given):
        raise CommandError("an identifier is empty", "give one, or leave the option out", MISUSED)
    for name, word in {"title": arguments.title, "event_type": arguments.type}.items():
        if not word.strip():
            raise CommandError(f"{name} is empty", "every event says what it is", MISUSED)


def _read(file: int | str, shown: str) -> str:
    """Return the text of a file, or of an open descriptor; what no event could hold is not read to its end."""
    try:
        with open(file, "rb", closefd=not isinstance(file, int)) as stream:
            data = stream.read(_LARGEST_READ_BYTES)
    except OSError as error:
        raise CommandError(f"{shown} cannot be read: {error.strerror or error}", "", MISUSED) from None
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise CommandError(f"{shown} is not UTF-8", "", MISUSED) from None


def _timestamp(text: str | None) -> int:
    if text is None:
        return int(time.time())
    from agent.cli.time_argument import parse_moment

    return parse_moment(text)


def _check_type(event_type: str, encoded: bytes) -> None:
    """Raise `CommandError` where the type is one of a system's own, and what that requires is missing."""
    from agent.systems.registry import is_of_a_system, lacks

    if not is_of_a_system(event_type):
        return
    from agent.events.stored_event import decode

    if missing := lacks(decode(encoded)):
        text = f"a {event_type} requires more than was given: {'; '.join(missing)}"
        raise CommandError(text, """give it with --data '{"FIELD": "value"}'""", MISUSED)


def _category(text: str) -> str:
    for category in Category:
        if category.lower() == text.lower():
            return category
    raise CommandError(f"{text!r} is no category", f"one of {', '.join(Category)}", MISUSED)


def _data(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    from agent.events.portable import check_portable

    if text in {"-", "@-"}:
        text = _read(0, "stdin")
    elif text.startswith("@"):
        text = _read(text[1:], text[1:] or "the file behind @")
    try:
        check_portable(text.encode())
        data = json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        raise CommandError(f"--data is not JSON: {error}", """write '{"key": "value"}'""", MISUSED) from None
    if not isinstance(data, dict):
        raise CommandError("--data is no JSON object", """write '{"key": "value"}'""", MISUSED)
    return data


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _link(text: str) -> dict[str, str]:
    title, colon, url = text.partition(": ")
    if not colon or not title or not url.strip():
        raise CommandError(f"the link {text!r} is not `title: url`", "", MISUSED)
    return {"title": escaped(title), "url": escaped(url.strip())}
