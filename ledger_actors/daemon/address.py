"""Where the door of a data folder is, and how its socket is made.

The door of `data` is `data/door/ledger.sock`: a Unix socket of mode 0600 in a folder of mode 0700,
so that only its owner can open it. The address of a Unix socket may not be longer than about a
hundred bytes; in a deep folder the socket lies in a private temporary folder instead, and
`ledger.sock` is a symbolic link to it. The setting `endpoint.socket` may put it elsewhere.
"""

from __future__ import annotations

import contextlib
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
    """What to connect to for a door at `link`."""
    return link.readlink() if link.is_symlink() else link


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
        """It has ended in order."""
        self._file.unlink(missing_ok=True)

    def is_running(self) -> bool:
        """Whether the process that was written there, if any, still runs."""
        try:
            pid = int(self._file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return False
        return is_running(pid)


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

    def open(self) -> socket.socket:
        """Make the folder and the socket, listening. What a dead daemon left there is replaced.

        Raises:
            OSError: the folder or the socket cannot be made.
        """
        self._make_folder()
        remove_stale(self.link)
        self.path = self.link
        if len(os.fsencode(self.link)) > LONGEST_ADDRESS:
            self.path = Path(tempfile.mkdtemp(prefix=_PRIVATE_PREFIX)) / SOCKET_NAME
            self.link.symlink_to(self.path)
        return bind_private(self.path)

    def close(self) -> None:
        """Take the socket away, so that a client sees at once that nobody is there."""
        remove_stale(self.link)

    def _make_folder(self) -> None:
        folder = self.link.parent
        folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        if folder.name == DOOR_FOLDER:  # ours; one that was configured is as its owner wants it
            folder.chmod(stat.S_IRWXU)


def remove_stale(link: Path) -> None:
    """Remove the socket of a daemon that is gone, and the private folder it may be in."""
    if link.is_symlink():
        behind = link.readlink().parent
        if behind.name.startswith(_PRIVATE_PREFIX) and behind.parent == Path(tempfile.gettempdir()):
            shutil.rmtree(behind, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        link.unlink()


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
