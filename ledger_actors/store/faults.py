"""What SQLite's errors mean to the store's users."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger_actors.store.errors import CorruptStore, StoreError, StoreFull, StoreUnavailable

__all__ = ["is_not_synced", "is_of_the_disk", "translated", "translation"]

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_NOT_SYNCED = {sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC}
_OF_THE_DISK = {
    *_DAMAGED,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}
_NO_ROOM = 64 * 1024  # a disk with less is called full if writing to it fails


@contextmanager
def translated(path: Path | str) -> Iterator[None]:
    """Raise SQLite's errors as the store's own; both are shown in the traceback."""
    try:
        yield
    except sqlite3.Error as error:
        raise translation(error, path) from error


def translation(error: sqlite3.Error, path: Path | str) -> StoreError:
    """Return the store's error for one of SQLite's.

    `StoreFull` for a full disk, `CorruptStore` for a damaged file or one that is no database,
    `StoreUnavailable` for all else. A sync that failed is never a full disk: all was written, and
    nobody knows whether it will stay, while `StoreFull` says that nothing was written.
    """
    code = _code(error) & 0xFF
    full = code == sqlite3.SQLITE_IOERR and not is_not_synced(error) and _disk_is_full(path)
    if code == sqlite3.SQLITE_FULL or full:
        return StoreFull(path)
    if code in _DAMAGED:
        return CorruptStore(f"{path} is damaged, or is no event store: {error}")
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreUnavailable(f"{path} is being written by another process: {error}")
    return StoreUnavailable(f"{path} cannot be read or written: {error}")


def is_not_synced(error: sqlite3.Error) -> bool:
    """Return whether a sync failed: what was written before it may be on disk, or lost for good."""
    return _code(error) in _NOT_SYNCED


def is_of_the_disk(problem: BaseException) -> bool:
    """Return whether it is SQLite's about the file or the machine, not about what was asked."""
    return isinstance(problem, sqlite3.Error) and _code(problem) & 0xFF in _OF_THE_DISK


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", None) or 0


def _disk_is_full(path: Path | str) -> bool:
    """Ask the file system: some of SQLite's files report a full disk as any I/O error."""
    try:
        room = os.statvfs(Path(path).parent)
    except OSError:
        return False  # the disk is gone: not full
    return room.f_bavail * room.f_frsize < _NO_ROOM
