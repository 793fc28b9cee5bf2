"""Where the door of a data folder is, and how its socket is made.

The door of `data` is `data/door/ledger.sock`: a Unix socket of mode 0600 in a folder of mode 0700,
so that only its owner can open it. The address of a Unix socket may not be longer than about a
hundred bytes; in a deep folder the socket lies in a private temporary folder instead, and
`ledger.sock` is a symbolic link to it. The setting `endpoint.socket` may put it elsewhere.

A folder may be copied, and a daemon may wake up after another took its folder over. So a private
folder bears a digest of the link that leads to it, and what a daemon takes away at its end is its
own: a copy of the link leads nobody to the door of the original.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path

from ledger_actors.store.owner_only import make_file

DOOR_FOLDER = "door"
SOCKET_NAME = "ledger.sock"
PID_NAME = "daemon.pid"
LONGEST_ADDRESS = 100
"""108 bytes on Linux, 104 on macOS, with the zero at the end."""

_PRIVATE_PREFIX = "ledger-door-"
_OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR


def door_link(folder: Path | str, *, configured: str = "") -> Path:
    """Where the door of a data folder is, or where the settings put it; open or not."""
    if configured:
        return Path(configured).expanduser().absolute()
    return Path(folder).absolute() / DOOR_FOLDER / SOCKET_NAME


def resolved(link: Path) -> Path:
    """What to connect to for a door at `link`.

    Raises:
        FileNotFoundError: the link was copied with its folder; it leads to the original's door.
    """
    if not link.is_symlink():
        return link
    target = link.readlink()
    if _is_private(target) and not _is_private(target, of=link):
        raise FileNotFoundError(errno.ENOENT, "the door of another folder", str(link))
    return target


class DaemonPid:
    """The file that says which process has a data folder, so that its clients can wait for it.

    Only a hint: who may have the folder is decided by the store's lock.
    """

    def __init__(self, folder: Path | str) -> None:
        self._file = Path(folder) / PID_NAME

    def write(self) -> None:
        """This process has it."""
        make_file(self._file)
        self._file.write_text(f"{os.getpid()}\n", encoding="ascii")

    def remove(self) -> None:
        """It has ended in order. The file of a daemon that took the folder over stays."""
        if self._read() == os.getpid():
            self._file.unlink(missing_ok=True)

    def is_running(self) -> bool:
        """Whether the process that was written there, if any, still runs."""
        pid = self._read()
        return pid is not None and is_running(pid)

    def _read(self) -> int | None:
        try:
            return int(self._file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None


def is_running(pid: int) -> bool:
    """Whether a process of this machine has that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class UnixDoor:
    """The listening socket at `link`. Whoever holds the folder's lock may open it."""

    def __init__(self, link: Path) -> None:
        self.link = link.absolute()
        self.path = self.link
        self._ours: tuple[int, ...] | None = None

    def open(self) -> socket.socket:
        """Make the folder and the socket, listening. What a dead daemon left there is replaced.

        Raises:
            OSError: the folder or the socket cannot be made.
        """
        self._make_folder()
        remove_stale(self.link)
        self.path = self.link
        if len(os.fsencode(self.link)) > LONGEST_ADDRESS:
            self.path = Path(tempfile.mkdtemp(prefix=_private_prefix(self.link))) / SOCKET_NAME
            self.link.symlink_to(self.path)
        listening = bind_private(self.path)
        self._ours = _file_id(self.link)
        return listening

    def close(self) -> None:
        """Take the socket away, so that a client sees at once that nobody is there.

        One that another daemon has put there meanwhile stays.
        """
        if self._ours is not None and _file_id(self.link) == self._ours:
            remove_stale(self.link)
        self._ours = None

    def _make_folder(self) -> None:
        folder = self.link.parent
        folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        if folder.name == DOOR_FOLDER:  # ours; one that was configured is as its owner wants it
            folder.chmod(stat.S_IRWXU)


def remove_stale(link: Path) -> None:
    """Remove the socket of a daemon that is gone, and the private folder it may be in."""
    if link.is_symlink() and _is_private(target := link.readlink(), of=link):
        shutil.rmtree(target.parent, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        link.unlink()


def _private_prefix(link: Path) -> str:
    digest = hashlib.sha256(os.fsencode(link.absolute())).hexdigest()
    return f"{_PRIVATE_PREFIX}{digest[:16]}-"


def _is_private(target: Path, *, of: Path | None = None) -> bool:
    """Whether a socket lies in a private folder of ours; with `of`, in one of that link."""
    prefix = _PRIVATE_PREFIX if of is None else _private_prefix(of)
    folder = target.parent
    return folder.name.startswith(prefix) and folder.parent == Path(tempfile.gettempdir())


def _file_id(path: Path) -> tuple[int, ...] | None:
    """What tells a file from another one of its name, which may get its inode; None: no file."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def bind_private(path: Path) -> socket.socket:
    """A listening Unix socket at `path` that only its owner can open, from its first moment on.

    Linux gives the file the mode of the socket; elsewhere the folder's mode guards that moment.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(OSError):
            os.fchmod(listening.fileno(), _OWNER_ONLY)
        listening.bind(str(path))
        path.chmod(_OWNER_ONLY)
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def bind_network(host: str, port: int) -> socket.socket:
    """A listening TCP socket for the door that is open only when configured, behind a token."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as problem:
        listening.close()
        why = f"the door on {host}:{port} cannot be opened: {problem.strerror}"
        raise OSError(problem.errno, why) from problem
    return listening
