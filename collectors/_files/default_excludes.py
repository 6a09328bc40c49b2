"""What lies among configuration files and is none: working copies, backups, locks and caches of programs. Pure.

No program reads these as its configuration, and they change together with a file that is told anyway. An entry may
switch them off, and whoever spells one out in a path means it. Must never hold a name by which people keep a file
that is, or was, in use: `.bak`, `.orig` and `.disabled` are told.
"""

import re
from collections.abc import Sequence
from functools import cache

from collectors._files.patterns import parse_exclude

_USERS = ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")

_NAMES = (
    # dpkg, ucf and rpm, while they replace a file and when they leave the other version beside it
    *(
        "*.dpkg-new",
        "*.dpkg-tmp",
        "*.dpkg-old",
        "*.dpkg-dist",
        "*.dpkg-bak",
        "*.dpkg-backup",
        "*.dpkg-remove",
    ),
    *("*.ucf-new", "*.ucf-old", "*.ucf-dist", "*.ucf-tmp", "*.rpmnew", "*.rpmsave", "*.rpmorig"),
    # locks
    *("*.lock", "*.lck"),
    # vim, Emacs, nano, Kate, gedit; systemd too begins a file as `.#…`
    *("*~", ".*.sw?", ".*.swpx", "4913", "#*#", ".#*", ".*.kate-swp", ".goutputstream-*"),
    # what was deleted while it was open, on NFS and FUSE
    *(".nfs0*", ".fuse_hidden*"),
    # caches, and the history that etckeeper keeps
    *("__pycache__", ".git"),
)
"""Names that may stand anywhere; a directory of such a name goes with all that is in it."""

_PATHS = (
    # useradd, passwd and their kin: the version before, the one to come, and locks
    *(f"/etc/{name}{end}" for name in _USERS for end in ("-", "+", ".[0-9]*")),
    # what is made from other files, or by the kernel
    *("/etc/ld.so.cache", "/etc/mtab", "/etc/mtab.*", "/etc/.updated"),
    *(
        "/etc/udev/hwdb.bin",
        "/etc/apparmor.d/cache",
        "/etc/aliases.db",
        "/etc/postfix/*.db",
        "/etc/mail/*.db",
    ),
    *("/etc/init.d/.depend.*", "/etc/ssl/certs/????????.[0-9]", "/etc/ssl/certs/ca-certificates.crt.new"),
    # the links of one script for init in every runlevel; those of 2 and S are told, and 3 to 5 have the same
    *("/etc/rc[013456].d/*", "/etc/rc.d/rc[013456].d/*"),
    # what certbot and LVM keep of every time; certbot's `live` holds what is in use
    *("/etc/letsencrypt/archive", "/etc/letsencrypt/csr", "/etc/letsencrypt/keys"),
    *("/etc/lvm/archive", "/etc/lvm/backup", "/etc/lvm/cache"),
)

DEFAULT_EXCLUDES = (*_NAMES, *_PATHS)
"""As they could stand in `exclude`."""

_ALL = "/*"
_MAGIC = re.compile(r"[*?\[]")
_LAST_NAMES = [text.rpartition("/")[2] for text in DEFAULT_EXCLUDES if not text.endswith(_ALL)]
_is_emptied = re.compile(
    "|".join(parse_exclude(text.removesuffix(_ALL)) for text in DEFAULT_EXCLUDES if text.endswith(_ALL))
).fullmatch
_ENDS = tuple(name[1:] for name in _LAST_NAMES if name.startswith("*"))
_OTHERS = [name for name in _LAST_NAMES if not name.startswith("*")]
_SPELLED_OUT = frozenset(name for name in _OTHERS if not _MAGIC.search(name))
_OTHER = "|".join(parse_exclude("/" + name)[1:] for name in _OTHERS if name not in _SPELLED_OUT)
_is_other = re.compile(_OTHER).fullmatch
_has_other = re.compile("\n(?:" + _OTHER.replace("[^/]", "[^/\n]") + ")(?=\n)").search
"""Finds one of many names, each between two newlines."""
_has_end = re.compile("(?:" + "|".join(re.escape(end) for end in _ENDS if end[0] == ".") + ")\n").search
_FURTHER_ENDS = tuple(end + "\n" for end in _ENDS if end[0] != ".")
"""All others begin with the same sign, which is looked for first."""
_BELOW = r"(?:/[^/]+)*"


def is_ordinary(name: str) -> bool:
    """Return whether surely no default exclude means a file of this name, wherever files are kept; quick, for each is asked."""
    return not (name.endswith(_ENDS) or name in _SPELLED_OUT or _is_other(name))


def are_ordinary(names: Sequence[str]) -> bool:
    """Return whether each of some names is ordinary; quicker than to ask of one after the other."""
    lines = "\n".join(("", *names, ""))
    if lines.count("\n") > len(names) + 1:  # one has a newline
        return all(map(is_ordinary, names))
    return (
        _SPELLED_OUT.isdisjoint(names)
        and _has_end(lines) is None
        and _has_other(lines) is None
        and not any(end in lines for end in _FURTHER_ENDS)
    )


def keeps_files(directory: str) -> bool:
    """Return whether no default exclude means everything in a directory, whatever its name."""
    return _is_emptied(directory) is None


@cache
def default_excludes_beside(pattern: str) -> str:
    """Return a regular expression for what is excluded from a path pattern: all but what the pattern spells out."""
    names = [name for name in _NAMES if not any(_is(name, part) for part in pattern.split("/") if part)]
    paths = [
        parse_exclude(path) for path in _PATHS if not re.fullmatch(parse_exclude(path) + _BELOW, pattern)
    ]
    anywhere = "|".join(parse_exclude("/" + name) for name in names)
    return f"(?:{_BELOW}(?:{anywhere})|{'|'.join(paths)}){_BELOW}"


def _is(name: str, part: str) -> bool:
    return re.fullmatch(parse_exclude("/" + name), "/" + part) is not None
