"""Which text of a file may be remembered and told: masked, in little space, and within a budget of work.

`auto` asks whether everybody on the host may read the file anyway; some files are never told, whatever is
configured. A file whose text makes trouble is told by its hash, and why is told with it.
"""

import os
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from typing import TypeAlias

import msgspec

from collectors._files import wide_registers
from collectors._files.budget import Budget, Budgets, OverBudget
from collectors._files.diff import compress
from collectors._files.mount_thread import beat
from collectors._files.opening import Directory
from collectors._files.reading import Moment
from collectors._files.selection import Choice
from collectors._redaction.redact import MaskingStopped, Redactor

MAX_TEXT_BYTES = 256 * 1024
MAX_LINES = 2000
TOO_LARGE, NO_TEXT, TOO_LONG = (
    "it is larger than 256 KiB",
    "it is no text in UTF-8",
    f"it has more than {MAX_LINES} lines",
)
"""Why there is no text; remembered, so these words stay."""

Text: TypeAlias = "tuple[bytes, str]"
"""The masked text of a file, compressed, empty where there is none to tell; and why it was left out, if so."""
NOT_TOLD: Text = (b"", "")

NEVER = re.compile(
    r".*/(?:"
    r"g?shadow-?|(?:o|master\.)passwd"
    r"|sudoers(?:\.d/.*)?"
    r"|ssl/private/.*"
    r"|(?:.*/)?letsencrypt/.*"
    r"|ssh_host_[^/]*_key[^/]*"
    r"|[^/]*\.(?:key|pem|ppk|keytab|secrets?|htpasswd)"
    r"|\.?(?:pgpass|netrc|htpasswd|htdigest|vault[_\-]pass(?:word)?|git-credentials)[^/]*"
    r"|sasl_passwd[^/]*|passwd\.client|dovecot/(?:users|passwd)"
    r"|(?:[^/]*[_.\-])?(?:secrets?|credentials)(?:\.(?:ya?ml|json|toml|ini|env|txt))?"
    r"|(?:[^/]*[_\-])?(?<!/common-)(?:password|token|api[_\-]?key)(?:\.txt)?"
    r"|run/secrets/.*"
    r")"
)
"""Files of secrets, by whose names nobody can tell one value from another: only their hash is remembered and told."""
_NEVER_SIGNS = (
    "shadow",
    "passwd",
    "sudoers",
    "private",
    "letsencrypt",
    "ssh_host",
    "key",
    ".pem",
    ".ppk",
    "secret",
    "pgpass",
    "netrc",
    "htdigest",
    "vault",
    "credential",
    "dovecot",
    "password",
    "token",
)
"""One of these is in the path of each of them: most paths have none, and this is quick to say."""


class Readers(msgspec.Struct, frozen=True):
    """Who may read a file at its place."""

    everybody: bool
    """Its mode lets everybody read it."""
    is_public: bool
    """Everybody may pass through all its parents."""
    is_elsewhere: bool = False
    """It may have another name in a private place, which somebody else gave it this one for."""

    @classmethod
    def of(cls, status: os.stat_result, directory: Directory) -> "Readers":
        """Return it for a file by its status and its open directory."""
        everybody = bool(status.st_mode & stat.S_IROTH)
        if status.st_nlink <= 1:
            return cls(everybody, directory.is_public)
        place = directory.status
        is_trusted = place.st_uid in {0, status.st_uid} and not place.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return cls(everybody, directory.is_public, not (everybody and is_trusted))


def spellings(directory: Directory, name: str, path: str) -> tuple[str, ...]:
    """Return the names that a file in an open directory goes by: `path`, and that without links on the way to it."""
    return (path,) if directory.real == directory.path else (path, f"{directory.real}/{name}")


def may_tell(paths: Sequence[str], choice: Choice, readers: Readers) -> bool:
    """Return whether a file's text may be remembered, masked, and shown in a diff.

    `paths` are all the names it goes by.
    """
    if choice.diff == "never" or readers.is_elsewhere or any(map(_is_never_told, paths)):
        return False
    if choice.diff == "always" and choice.is_literal:
        return True
    return readers.everybody and (readers.is_public or choice.diff == "always")


def _is_never_told(path: str) -> bool:
    return may_never_be_told(path) and NEVER.fullmatch(path) is not None


def may_never_be_told(path: str) -> bool:
    """Return whether a path, or one of several with newlines between them or their parts, may be of a file of secrets."""
    return any(sign in path for sign in _NEVER_SIGNS)


class Texts:
    """Makes texts with one host's key."""

    def __init__(self, redactor: Redactor, budgets: Budgets) -> None:
        self._redactor = redactor
        self._budgets = budgets
        self._was_left = False
        """Whether the last text was left as it is: then the next ones may be, too."""

    def forget(self) -> None:
        """Let go of what one text left behind to make the next quicker; to be called when there is none for a while."""
        self._redactor.forget()

    def of(self, moment: Moment, paths: Sequence[str], choice: Choice, readers: Readers) -> Text:
        """Return the text of a file, which was read, if it may be told."""
        if not may_tell(paths, choice, readers):
            return NOT_TOLD
        return (b"", TOO_LARGE) if moment.data is None else self.of_data(moment.data, choice)

    def of_all(self, contents: Sequence[bytes], choice: Choice) -> list[Text]:
        """Return the text of each of several files whose texts may be told, by what is in them.

        Where nothing in any of them has to be looked at closely, that is said of all of them at once.
        """
        if self._was_left and choice.diff != "strict":
            with suppress(Exception):  # met again, by the text that makes the trouble
                if self._leaves_all(contents):
                    made = [(compress(data), "") for data in contents]
                    wide_registers.leave()
                    return made
        texts = []
        for data in contents:
            beat()
            texts.append(self.of_data(data, choice))
        return texts

    def of_data(self, data: bytes, choice: Choice) -> Text:
        """Return the text of a file that may be told, by what is in it."""
        if len(data) > MAX_TEXT_BYTES:
            return b"", TOO_LARGE
        if 0 in data:  # as a number: bytes are first taken for one, in vain
            return b"", NO_TEXT
        try:
            text = self._masked(data, self._budgets(), strictly=choice.diff == "strict")
        except UnicodeDecodeError:
            return b"", NO_TEXT
        except OverBudget as error:
            return b"", str(error)
        except Exception as error:  # noqa: BLE001 - whatever a text makes Python do, it is that text's trouble
            return b"", f"it cannot be masked: {type(error).__name__}"
        return text, "" if text else TOO_LONG

    def _leaves_all(self, contents: Sequence[bytes]) -> bool:
        """Return whether several texts are surely left as they are, which may take as long as one of them."""
        budget = self._budgets()
        return self._redactor.leaves_all(map(_lines_of, contents)) and not budget.is_over()

    def _masked(self, data: bytes, budget: Budget, *, strictly: bool) -> bytes:
        """Return the text of a file; nothing where it has too many lines."""
        text = data.decode()
        lines = text.split("\n", MAX_LINES + 1)
        if len(lines) > MAX_LINES + 1:  # the last one has no end
            return b""
        try:
            if strictly:
                masked = self._redactor.mask_strictly(text, budget.is_over)
            else:
                masked = self._redactor.mask_lines(text, lines, budget.is_over)
        except MaskingStopped:
            budget.check()
            raise
        budget.check()
        self._was_left = masked is text
        compressed = compress(data if masked is text else masked.encode(), is_strict=strictly)
        wide_registers.leave()
        return compressed


def _lines_of(data: bytes) -> list[str]:
    """Return the lines of a text that may be told; raises `ValueError` for any other."""
    if len(data) > MAX_TEXT_BYTES or 0 in data:
        raise ValueError(NO_TEXT)
    lines = data.decode().split("\n", MAX_LINES + 1)
    if len(lines) > MAX_LINES + 1:
        raise ValueError(TOO_LONG)
    return lines
