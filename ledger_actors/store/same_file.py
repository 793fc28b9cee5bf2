"""That the file at the store's path is still the one that was opened.

Whoever puts a backup in the place of a file that is in use takes it away from under its daemon:
what that writes goes to a file without a name, and is gone when it is closed.
"""

from __future__ import annotations

from pathlib import Path

from ledger_actors.store.errors import StoreReplaced

__all__ = ["SameFile"]


class SameFile:
    """The file that is at `path` now. `":memory:"` has none, and is never another one."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._opened = None if str(path) == ":memory:" else _identity(self._path)

    def check(self) -> None:
        """Return if it is there still.

        Raises:
            StoreReplaced: another file is there, or none.
        """
        if self._opened is not None and _identity(self._path) != self._opened:
            raise StoreReplaced(self._path)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
