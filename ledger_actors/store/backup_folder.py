"""A backup as a data folder of its own: a daemon that is started on it goes on from there.

It is made under another name and renamed when it is whole and on disk. So it is there whole or not
at all; what a process that was killed left behind is taken up by the next one.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ledger_actors.store.errors import StoreError, StoreUnavailable
from ledger_actors.store.folder_lock import FolderLock
from ledger_actors.store.owner_only import make_folder, not_made
from ledger_actors.store.sqlite import SqliteEventStore
from ledger_actors.store.syncing import sync_folder

__all__ = ["backup_folder"]

EVENTS = "events.db"


def backup_folder(data: Path, target: Path) -> None:
    """Copy the events of the data folder, which a daemon may be using, to the new folder `target`.

    The copy is of one moment. Read models and snapshots are no part of it: they are made anew.

    Raises:
        StoreUnavailable: there are no events, or `target` exists or cannot be made.
        StoreLocked: another backup to `target` is under way.
        StoreFull: there is no room for it; nothing is left behind.
    """
    _check(data, target)
    target = target.absolute()
    partial = target.with_name(f".{target.name}.partial")
    try:
        make_folder(partial)
        lock = FolderLock(partial / "events.lock", guards=target)
    except StoreError:
        raise
    except OSError as error:
        raise not_made(target, error) from error
    try:
        _fill(data / EVENTS, partial, target)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, StoreError):
            raise not_made(target, error) from error
        raise
    finally:
        lock.release()


def _check(data: Path, target: Path) -> None:
    if not (data / EVENTS).is_file():
        msg = f"{data} is no data folder: there is no {EVENTS} in it"
        raise StoreUnavailable(msg)
    if os.path.lexists(target):
        msg = f"{target} exists: a backup is a new folder"
        raise StoreUnavailable(msg)


def _fill(events: Path, partial: Path, target: Path) -> None:
    for left in partial.glob(f"{EVENTS}*"):  # by one that was killed
        left.unlink()
    with SqliteEventStore(events, read_only=True) as store:
        store.backup(partial / EVENTS)
    if os.path.lexists(target):  # an empty folder would be replaced
        msg = f"{target} exists: a backup is a new folder"
        raise StoreUnavailable(msg)
    partial.rename(target)
    sync_folder(target.parent)
