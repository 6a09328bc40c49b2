"""What the path of a control group says: the unit of the system's manager, and the login session. Pure.

Whoever owns a part of the tree (a user's own manager, a container's) names what is below it as it likes: so what counts is
the first unit on the way down from the root, and never the last.
"""

_UNITS = (".service", ".scope", ".socket", ".mount", ".swap")
_SESSION = "session-"
_LOGINS = "/user.slice/"


def place_of(cgroup: str) -> tuple[str, str]:
    """Return the unit and the session of a control group; empty where there is none.

    >>> place_of("/user.slice/user-1000.slice/session-3.scope")
    ('session-3.scope', '3')
    """
    for name in cgroup.split("/"):
        unit = name.removeprefix("_")  # systemd's mark for names that the kernel has as well
        if unit.endswith(_UNITS):
            is_session = cgroup.startswith(_LOGINS) and unit.startswith(_SESSION) and unit.endswith(".scope")
            return unit, unit[len(_SESSION) : -len(".scope")] if is_session else ""
    return "", ""
