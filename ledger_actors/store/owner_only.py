"""Folders and files for their owner alone: what is in them is money.

What is there already keeps the mode that somebody gave it. SQLite gives the files that it makes
beside a database (`-wal`, `-shm`) the database's own mode.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import structlog

from ledger_actors.store.errors import StoreError, StoreFull, StoreUnavailable
from ledger_actors.store.syncing import sync_folder

__all__ = ["make_file", "make_folder", "not_made", "warn_if_exposed"]

_OTHERS_READ = 0o044
_OTHERS_ENTER = 0o011


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each of mode 0700, where they are not there yet.

    That it is there is on disk on return: SQLite sees to its files, and not to their folder.

    Raises:
        NotADirectoryError: this, or what is above it, is there and is no folder; see its filename.
        OSError: it cannot be made.
    """
    try:
        folder.mkdir(0o700)
    except FileNotFoundError:
        make_folder(folder.parent)
        folder.mkdir(0o700, exist_ok=True)
    except FileExistsError as error:
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(folder)) from error
        return
    sync_folder(folder.parent)


def make_file(path: Path | str) -> None:
    """Make an empty file of mode 0600 where there is none.

    One that is there is not opened: to close it would give free SQLite's locks on it.

    Raises:
        OSError: it cannot be made.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    os.close(fd)


def not_made(path: Path | str, error: OSError) -> StoreError:
    """Return the store's error where its file or what is around it could not be made."""
    at = error.filename or path
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(path)
    if error.errno == errno.ENOTDIR:
        remedy = f"{_first_that_is_no_folder(Path(at))} is no folder: name another, or move it away"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = f"{at} may not be written ({error.strerror}): name another folder, or allow it"
    else:
        remedy = f"{at}: {error.strerror}"
    return StoreUnavailable(f"{path} cannot be opened for writing: {remedy}")


def warn_if_exposed(path: Path) -> None:
    """Log a warning if others can read the file at `path`; an earlier release made it so."""
    file, folder = path.stat().st_mode, path.parent.stat().st_mode
    if file & _OTHERS_READ and folder & _OTHERS_ENTER:
        structlog.get_logger().warning(
            "store.others_can_read_it",
            path=str(path),
            mode=f"{file & 0o777:04o}",
            remedy=f"chmod -R go= {path.parent}",
        )


def _first_that_is_no_folder(path: Path) -> Path:
    return next((one for one in reversed([path, *path.parents]) if not one.is_dir()), path)
