"""Trying things as the user that the service runs as, with the capabilities its unit gives it.

Root may do everything, so what root tries says nothing about the daemon. A forked child becomes the
service's user, tries, and hands its result back; the parent's own identity never changes.
"""

import ctypes
import os
import pwd
from collections.abc import Callable

SERVICE_USER = "sts-agent"
CAPABILITIES = {"CAP_DAC_READ_SEARCH": 2}
"""What sts-agent.service grants, by the numbers of linux/capability.h."""

_PR_SET_KEEPCAPS = 8
_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def service_user() -> pwd.struct_passwd | None:
    """Return the user of the service when we may become it, else None."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return None


def call_as(user: pwd.struct_passwd, function: Callable[[], bytes]) -> bytes:
    """Return what `function` returns in a child that is `user`; raises `ChildProcessError` when it ends otherwise."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(receiving)
            _become(user)
            with open(sending, "wb") as pipe:  # noqa: PTH123 - a descriptor, not a path
                pipe.write(function())
            status = 0
        finally:
            os._exit(status)  # nothing of the parent's is to run twice
    os.close(sending)
    with open(receiving, "rb") as pipe:  # noqa: PTH123 - as above
        result = pipe.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise ChildProcessError(f"trying as {user.pw_name} ended with {os.waitstatus_to_exitcode(status)}")
    return result


def _become(user: pwd.struct_passwd) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.initgroups(user.pw_name, user.pw_gid)
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    mask = sum(1 << number for number in CAPABILITIES.values())
    header = _Header(_CAPABILITY_VERSION_3, 0)
    data = (_Data * 2)(_Data(mask, mask, 0), _Data(0, 0, 0))
    if libc.capset(ctypes.byref(header), data) != 0:  # not ours to keep, as in a container: then without
        none = (_Data * 2)()
        libc.capset(ctypes.byref(header), none)
