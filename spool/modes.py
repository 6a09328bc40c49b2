"""Who may look at the spool: its user alone, and a group that may put files into `incoming/` and see nothing.

Set right at every start, since a backup that was put back, a hand or an earlier version may have left other
modes. It never opens a file (closing one of the database's would drop SQLite's locks), never follows a link,
and never touches what others left in `incoming/`. No directory is setgid: a service may be forbidden to make one so.
"""

import logging
import os
import stat
from contextlib import suppress
from itertools import chain
from pathlib import Path

from spool import contents
from spool.contents import INCOMING

TOP_MODE = 0o710
INCOMING_MODE = 0o730
_DIRECTORY_MODE, _FILE_MODE = 0o700, 0o600

log = logging.getLogger(__name__)


def repair(directory: Path) -> None:
    """Give everything in the spool's directory the mode it is to have; what belongs to others stays as it is."""
    special = {directory: TOP_MODE, directory / INCOMING: INCOMING_MODE}
    for path in chain([directory], contents.own(directory)):
        try:
            found = path.lstat()
            mode = special.get(path) or (_DIRECTORY_MODE if stat.S_ISDIR(found.st_mode) else _FILE_MODE)
            if stat.S_ISLNK(found.st_mode) or stat.S_IMODE(found.st_mode) == mode:
                continue
            path.chmod(mode)
        except OSError as error:
            log.debug("%s keeps its mode: %s", path, error)
            continue
        log.info("%s had mode %04o, it has %04o now", path, stat.S_IMODE(found.st_mode), mode)


def give_to_owner(directory: Path) -> None:
    """Root's files in the service user's directory would lock that user out of its own spool."""
    if os.geteuid() != 0:
        return
    owner = directory.stat()
    if owner.st_uid == 0:
        return
    for path in chain(contents.own(directory), contents.left_by_others(directory)):
        with suppress(OSError):
            if path.lstat().st_uid == 0:
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
