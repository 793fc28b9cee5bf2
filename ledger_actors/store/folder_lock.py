"""One daemon to a data folder: a lock that the system releases when its holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ledger_actors.store.errors import StoreLocked

__all__ = ["FolderLock"]


class FolderLock:
    """An exclusive lock on a file, held until `release` or the end of the process.

    The file stays when the lock is gone: to remove it would let two hold it. It says who has it,
    for a person and for the sentence that the next one gets.
    """

    def __init__(self, path: Path, *, guards: Path | None = None) -> None:
        """Take the lock at `path`, which guards the file or folder `guards`.

        Raises:
            StoreLocked: somebody has it; `holder` says who.
            OSError: the file cannot be made.
        """
        self.path = path
        self._fd: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._fd, 0)
            os.write(self._fd, f"process {os.getpid()}".encode())
        except BlockingIOError as error:
            holder = os.read(self._fd, 200).decode(errors="replace").strip()
            self.release()
            raise StoreLocked(guards or path, holder or "another process") from error
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give the lock free. A second call does nothing."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
