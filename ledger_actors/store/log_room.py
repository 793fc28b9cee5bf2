"""Room at the end of the log's file, made before a commit needs it.

A commit that makes the file longer waits for the file system as well, which writes down where the
file now ends: on ext4 that doubles its time. So where one has done so, the file gets a step of
zeros, which serves the commits to come. SQLite reads its log up to the first frame that does not
carry the log's salt (https://www.sqlite.org/fileformat.html#the_write_ahead_log): zeros do not.
"""

from __future__ import annotations

import io
import os
import sqlite3
from pathlib import Path
from typing import Final

__all__ = ["LogRoom"]

_STEP: Final = 512 * 1024


class LogRoom:
    """The room in the log of a connection's database, as long as that is open; for its writer."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        (_, _, file), *_ = connection.execute("PRAGMA database_list").fetchall()
        self._path = Path(f"{file}-wal") if file else None  # none for a database in memory
        self._log: io.FileIO | None = None
        self._size = 0

    def make(self) -> None:
        """Make some if there is none left; within a transaction that writes.

        Nobody else writes to the log then, so what is added is in nobody's place. It is synced with
        the commit.
        """
        if self._path is None:
            return
        try:
            if self._log is None:  # and kept: a commit after an `open` or `stat` takes 40 us more
                self._log = self._path.open("r+b", buffering=0)
            size = self._log.seek(0, os.SEEK_END)
            if size > self._size:
                size += self._log.write(bytes(_STEP))
            self._size = size
        except OSError:
            return  # the commit meets the same if it needs the room, and has the words for it

    def close(self) -> None:
        """Give the file free."""
        if self._log is not None:
            self._log.close()
            self._log = None
