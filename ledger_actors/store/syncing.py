"""What is written to be on disk, where SQLite does not see to it: copies, and names in folders."""

from __future__ import annotations

import errno
import os
from pathlib import Path

__all__ = ["sync_file", "sync_folder"]


def sync_file(path: Path) -> None:
    """Return when what is in a file is on disk.

    Raises:
        OSError: it is not known to be.
    """
    _sync(os.open(path, os.O_RDONLY | os.O_CLOEXEC))


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on disk, where the folder can be synced at all.

    Raises:
        OSError: they are not known to be.
    """
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return  # who may write to it and not read it cannot sync it
    try:
        _sync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that knows no sync of folders
            raise


def _sync(fd: int) -> None:
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
