"""A database that this process holds a lock in, as the spool is: to open and close any file of it would cost that lock."""

import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager

_TRY_TO_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
try:
    connection.execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError as error:
    print(error)
"""


@contextmanager
def locked_database(directory):
    """Make a directory with such a database in it; yield the directory while the lock is held."""
    directory.mkdir()
    database = sqlite3.connect(directory / "spool.db", isolation_level=None, check_same_thread=False)
    with closing(database) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("BEGIN IMMEDIATE")
        yield directory


def is_locked(directory):
    """Return whether another process finds the database locked."""
    command = [sys.executable, "-c", _TRY_TO_LOCK, directory / "spool.db"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert told in {"", "database is locked\n"}
    return told != ""
