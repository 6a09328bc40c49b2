"""Secrets that a program gets by their place among its arguments, or from what is piped to it. Pure.

A rule here is bound to a program: no name and no flag says that such an argument is a secret.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

from collectors._redaction.arguments import Arguments
from collectors._redaction.extent import Span
from collectors._redaction.tokens import Chunk, words_in
from collectors._redaction.values import is_harmless, is_reference, looks_secret

_PLACES: dict[str, tuple[tuple[str, int], ...]] = {
    "radtest": (("", 2), ("", 5)), "radclient": (("", 3),), "radeapclient": (("", 3),), "b2": (("authorize-account", 3), ("account authorize", 4)), "isql": (("", 3),), "iusql": (("", 3),),
    "net": (("user", 3), ("use", 4), ("use", 3)), "mc": (("alias set", 6), ("config host", 7)), "wpa_passphrase": (("", 2),),
    "rabbitmqctl": (("add_user", 3), ("change_password", 3), ("authenticate_user", 3)), "samba-tool": (("user create", 4), ("user add", 4)), "ejabberdctl": (("register", 4), ("change_password", 4)),
    "prosodyctl": (("register", 4),), "mosquitto_passwd": (("", 3),), "mkpasswd": (("", 1), ("", 2)), "pg_md5": (("", 1),),
    "smbencrypt": (("", 1),), "radcrypt": (("", 1),), "vault": (("login", 2), ("operator unseal", 3)), "ngrok": (("authtoken", 2), ("config add-authtoken", 3)), "cargo": (("login", 2),), "cloudflared": (("service install", 3),), "composer": (("config", 4),), "doctl": (("auth init", 3),), "doveadm": (("auth test", 4), ("auth login", 4)),
    "convertto-securestring": (("", 1),), "mega-login": (("", 2),), "megacmd": (("mega-login", 3),), "create_ap": (("", 4),), "poetry": (("config", 4),), "bundle": (("config", 3), ("config set", 4)), "smbclient": (("", 2),), "qpdf": (("", 1), ("", 2)),
}  # fmt: skip
"""Programs, with what follows their name first, and the place of the secret among the arguments that are no flags."""
_CERTAIN = words_in("radtest radclient radeapclient wpa_passphrase pg_md5 smbencrypt radcrypt convertto-securestring ejabberdctl prosodyctl rabbitmqctl")  # fmt: skip
"""Those that take nothing else at this place; of others only what looks like a secret is masked."""
_ORACLE = words_in("sqlplus expdp impdp exp imp rman sqlldr")
_ORACLE_PAIR = re.compile(r"(?:userid=)?[\w$#.\-]++/(?P<value>[^\s@/]++)(?:@\S*+)?")
_READERS = {
    "passwd": "", "smbpasswd": "", "chpasswd": "", "sudo": "-S", "kinit": "", "cryptsetup": "", "su": "", "vncpasswd": "", "htpasswd": "",
    "openconnect": "", "docker": "--password-stdin", "podman": "--password-stdin", "helm": "--password-stdin", "gpg": "--passphrase-fd",
    "gpg2": "--passphrase-fd", "pdbedit": "", "realm": "", "adcli": "", "saslpasswd2": "", "slappasswd": "", "mosquitto_passwd": "",
    "kadmin": "", "kadmin.local": "", "veracrypt": "", "wpa_passphrase": "", "grub-mkpasswd-pbkdf2": "", "systemd-creds": "",
    "mkpasswd": "", "secret-tool": "", "gh": "auth", "mount.cifs": "", "gnome-keyring-daemon": "--unlock", "zfs": "load-key",
    "vpnc": "", "vpnc-connect": "", "openfortivpn": "", "keyctl": "", "ssh-add": "", "pass": "insert", "bw": "", "op": "", "ipa": "", "msktutil": "", "net": "join", "restic": "", "borg": "", "duplicity": "", "rclone": "", "anydesk": "--set-password", "expect": "",
}  # fmt: skip
"""Programs that read a secret, with the argument that says so where they read other things too."""
_HERE = "<<<"
_PRINTERS = frozenset({"echo", "printf", "yes"})
KNOWN = frozenset(_PLACES) | _ORACLE | frozenset(_READERS) | _PRINTERS
"""Without one of them a line hands nothing to a program, unless an argument says so itself."""
_ENDS = frozenset({"|", ";", "&&", "||"})
_MOST_PROGRAMS = 3


def handed(arguments: Arguments) -> Iterator[Span]:
    """Yield what stands at a known place behind a program's name, or is piped to one that reads a secret."""
    printed: list[Chunk] = []
    for command in _commands(arguments):
        words = [argument.text.rpartition("/")[2].lower() for argument in command]
        for index in islice((at for at, word in enumerate(words) if word in _PLACES), _MOST_PROGRAMS):
            yield from _at_places(words[index], command[index:])
        yield from _in_argument(command, is_oracle=not _ORACLE.isdisjoint(words))
        is_reader, here = _reads(words, command), _here(command)
        yield from (
            Span(a.start, a.end)
            for a in (*printed, *here)
            if not _is_no_secret(a.text)
            and (is_reader or (a in here and looks_secret(a.text) and " " not in a.text))
        )
        printed = _printed(command)
        if printed and any(_TELLING.search(a.text) for a in arguments):
            yield from (Span(a.start, a.end) for a in printed if looks_secret(a.text))


_TELLING = re.compile(r"(?i)pass|secret|token|cred|key(?:file|$)|(?<![a-z${])(?:pwd?|auth)(?![a-z])")


def _commands(arguments: Arguments) -> Iterator[Sequence[Chunk]]:
    begin = 0
    for index, argument in enumerate(arguments):
        if argument.text in _ENDS:
            yield arguments[begin:index]
            begin = index + 1
    yield arguments[begin:]


def _at_places(program: str, command: Sequence[Chunk]) -> Iterator[Span]:
    plain = [argument for argument in command if not argument.text.startswith("-")]
    for words, place in _PLACES[program]:
        first = words.split()
        if place < len(plain) and [a.text for a in plain[1 : 1 + len(first)]] == first:
            value = plain[place]
            if (program in _CERTAIN and not _is_no_secret(value.text)) or looks_secret(value.text):
                yield Span(value.start, value.end)


def _in_argument(command: Sequence[Chunk], *, is_oracle: bool) -> Iterator[Span]:
    """Yield what stands inside an argument: `me/…@db`, `secret,id=s,data=…`, `u=me,p=…`."""
    quoted = {argument.start: argument for argument in command} if is_oracle else {}
    for argument in command:
        if is_oracle and (found := _ORACLE_PAIR.fullmatch(argument.text)):
            yield Span(argument.start + found.start("value"), argument.start + found.end("value"))
        elif is_oracle and argument.text.endswith("/") and argument.end + 1 in quoted:  # `me/"…"`
            yield Span(quoted[argument.end + 1].start, quoted[argument.end + 1].end)
        elif "=" in argument.text and "," in argument.text:
            yield from _in_list(argument)


def _in_list(argument: Chunk) -> Iterator[Span]:
    """Yield what `data` gives in QEMU's `secret,…`, and `p` beside `u` in a list of Percona's tools."""
    parts = argument.text.split(",")
    names = {part.partition("=")[0] for part in parts}
    wanted = {"data"} if parts[0] == "secret" else {"p"} if names >= {"u", "p"} else set()
    at = argument.start
    for part in parts:
        name, _, value = part.partition("=")
        if name in wanted and value:
            yield Span(at + len(name) + 1, at + len(part))
        at += len(part) + 1


def _reads(words: Sequence[str], command: Sequence[Chunk]) -> bool:
    texts = {argument.text for argument in command}
    return any(text.endswith("-stdin") for text in texts) or any(
        word in _READERS and (not _READERS[word] or _READERS[word] in texts) for word in words
    )


def _here(command: Sequence[Chunk]) -> list[Chunk]:
    """Return what a here-string gives: `<<< …`."""
    return [argument for before, argument in pairwise(command) if before.text == _HERE]


def _printed(command: Sequence[Chunk]) -> list[Chunk]:
    """Return what `echo` and its kin print, without their flags and formats."""
    for index, argument in enumerate(command):
        if argument.text.rpartition("=")[2] in _PRINTERS:
            return [a for a in command[index + 1 :] if a.text[:1] not in {"-", "%", "<"}]
    return []


def _is_no_secret(text: str) -> bool:
    return is_harmless(text) or is_reference(text) or text.startswith("$")
