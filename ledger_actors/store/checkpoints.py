"""Checkpoints: moving the log into the file, and noticing where that fails.

SQLite's own checkpoint, after a commit, says nothing where the file cannot be synced. It tries
again later, but not with the pages that an earlier checkpoint copied when a reader kept it from
finishing: the failed sync may have lost those, and soon the log begins anew and does not have them
either. So the writer of events makes its checkpoints itself. Where one cannot be synced, none is
made any more in this process, nothing is written any more, and the log stays as it is: the next
process reads it from its beginning and writes all of it again (`settle`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ledger_actors.store.errors import StoreError, StoreNotSynced
from ledger_actors.store.faults import is_not_synced
from ledger_actors.store.model import Appended

__all__ = ["Checkpoints"]

_PAGES_BETWEEN: Final = 4000  # 16 MB: fewer checkpoints, each of which waits for the disk
_PAGES_A_COMMIT: Final = 8  # of tables and indexes, beside those that the events fill and touch
_PAGE: Final = 4096

_GUARDS: Final[dict[str, sqlite3.Connection]] = {}
"""By file, kept open to the end of the process: whoever closes a file last moves its log."""


class Checkpoints:
    """The checkpoints of one file, in the thread of its writer."""

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._pages = 0
        self._file = str(Path(path).absolute())
        self._failed = self._file in _GUARDS

    def ensure_possible(self) -> None:
        """Return if the store may still be written to.

        Raises:
            StoreNotSynced: a checkpoint could not be synced.
        """
        if self._failed:
            self._keep_the_log()
            raise StoreNotSynced(self._path)

    def settle(self, connection: sqlite3.Connection, *, first: bool) -> None:
        """Move all that is in the log into the file, which is synced, and empty the log.

        What a fault has left in the log can be read and may yet not be on disk: Linux takes the
        pages of a failed sync for written. To write it once more, to the other file, is the only
        proof; what is appended behind a hole in the log would be lost with it.

        It may be tried again in this process if it is the `first` of this store: then no earlier
        one has copied a part.

        Raises:
            StoreNotSynced: an earlier checkpoint could not be synced.
            sqlite3.Error: it could not be written, or somebody else reads the log all the time.
        """
        self.ensure_possible()
        try:
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            self._failed = not first and is_not_synced(error)
            raise
        if busy:
            raise sqlite3.OperationalError("the log cannot be emptied: somebody else is reading it")
        self._pages = 0

    def committed(
        self, connection: sqlite3.Connection, answers: Iterable[Appended | StoreError]
    ) -> None:
        """Make a checkpoint if the log is long by now.

        One that fails raises nothing: what was taken is on disk, and is answered so.
        """
        new = [one for one in answers if isinstance(one, Appended) and not one.duplicate]
        events = [event for answer in new for event in answer.events]
        size = sum(len(event.payload) for event in events)
        self._pages += _PAGES_A_COMMIT + len(events) // 2 + size // _PAGE
        if self._pages < _PAGES_BETWEEN:
            return
        try:
            _, length, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.OperationalError as error:
            self._failed = is_not_synced(error)  # else there is no room, say: after the next commit
        else:
            self._pages = length - copied

    def _keep_the_log(self) -> None:
        """Let nobody in this process move the log when the file is closed."""
        if self._file in _GUARDS:
            return
        uri = f"{Path(self._file).as_uri()}?mode=ro"
        guard = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        guard.execute("BEGIN")
        guard.execute("SELECT 1 FROM head").fetchone()  # it holds the file from here on
        _GUARDS[self._file] = guard
