"""A copy of a store that is in use, as of one commit."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ledger_actors.store.connections import Readers
from ledger_actors.store.errors import StoreError, StoreUnavailable
from ledger_actors.store.faults import translated
from ledger_actors.store.owner_only import make_file
from ledger_actors.store.syncing import sync_file, sync_folder

__all__ = ["backup"]


def backup(readers: Readers, target: Path) -> None:
    """Copy the database to the new file `target`; see `EventStore.backup`.

    The copy is made under another name and renamed when it is on disk, so a `target` is whole.
    """
    if target.exists():
        msg = f"{target} exists: a backup is a new file"
        raise StoreUnavailable(msg)
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        with readers.lease() as source, translated(target):
            _copy(source, partial)
        sync_file(partial)
        partial.rename(target)
        sync_folder(target.parent)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, StoreError):
            msg = f"{target} cannot be written: {error}"
            raise StoreUnavailable(msg) from error
        raise


def _copy(source: sqlite3.Connection, target: Path) -> None:
    make_file(target)
    with closing(sqlite3.connect(target)) as copy:
        copy.execute("PRAGMA journal_mode = OFF").fetchall()  # if it fails, all of it is dropped
        source.backup(copy)  # in one step, so of one moment; the writer goes on meanwhile
        copy.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, nothing beside it
