"""Faults below SQLite: a library between a process and the disk, built with the C compiler.

The process is started with `environment`; the test arms a fault while it runs.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path

SOURCE = Path(__file__).with_name("interposer.c")


class NoCompiler(Exception):
    """There is no C compiler here, or what it makes cannot be loaded into a process."""


class Call(IntFlag):
    """A system call on a file."""

    WRITE = 1
    SYNC = 2
    TRUNCATE = 4


class Action(IntEnum):
    """What happens to a call."""

    FAIL = 1
    SHORT = 2
    DELAY = 3
    KILL_BEFORE = 4
    KILL_HALFWAY = 5
    KILL_AFTER = 6


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that happens to `times` calls on files with `file` in their path, after `skip`.

    Where `file` ends in `$`, the path has to end so.

    `error` is the errno of FAIL; `amount` is bytes for SHORT, microseconds for DELAY. With
    `armed_by`, nothing happens before a file with that in its path is written to.
    """

    action: Action
    calls: Call
    file: str
    skip: int = 0
    times: int = 1
    error: int = 0
    amount: int = 0
    armed_by: str = ""


class _Control(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("action", "operations", "skip", "times")),
        *((name, ctypes.c_int64) for name in ("error", "amount", "armed", "calls", "happened")),
        ("file", ctypes.c_char * 64),
        ("armed_by", ctypes.c_char * 64),
        ("last", ctypes.c_char * 128),
    )


class Interposer:
    """The calls of one process at a time; `environment` is what it is started with."""

    def __init__(self, library: Path, folder: Path, *, disk: Path | None = None) -> None:
        """Keep what the two processes share in `folder`; let `disk` be what a power cut leaves."""
        shared = folder / "faults.control"
        shared.write_bytes(bytes(ctypes.sizeof(_Control)))
        with shared.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)
        self._control = _Control.from_buffer(self._memory)
        self.environment = {"LD_PRELOAD": str(library), "FAULTS_CONTROL": str(shared)}
        if disk is not None:
            disk.mkdir(exist_ok=True)
            self.environment["FAULTS_DISK"] = str(disk)

    def arm(self, fault: Fault) -> None:
        """Let it happen from now on, in place of any other."""
        control = self._control
        control.action = 0
        control.file, control.armed_by = fault.file.encode(), fault.armed_by.encode()
        control.operations, control.error = int(fault.calls), fault.error
        control.amount, control.skip, control.times = fault.amount, fault.skip, fault.times
        control.happened = control.armed = 0
        control.last = b""
        control.action = int(fault.action)  # last: from here on it counts

    def disarm(self) -> None:
        """Let every call go well."""
        self._control.action = 0

    @property
    def happened(self) -> int:
        """How often it has happened since it was armed."""
        return int(self._control.happened)

    @property
    def last_file(self) -> str:
        """The name of the file where it happened last."""
        return Path(self._control.last.decode()).name

    @property
    def calls(self) -> int:
        """How many calls have passed here: none where the library is not in between."""
        return int(self._control.calls)


def build(folder: Path) -> Path:
    """Compile the library into `folder` and return its path.

    Raises:
        NoCompiler: it cannot be made, or used, here.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompiler("there is no C compiler (cc, gcc, clang)")
    library = folder / "interposer.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    made = subprocess.run(command, check=False, capture_output=True, timeout=60)
    if made.returncode != 0:
        raise NoCompiler(f"the C compiler says: {made.stderr.decode()[-500:]}")
    _check_that_it_is_in_between(library, folder)
    return library


def _check_that_it_is_in_between(library: Path, folder: Path) -> None:
    """Raise NoCompiler where SQLite's calls do not pass through it, being linked in otherwise."""
    interposer = Interposer(library, folder)
    script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('create table t (i)')"
    database = folder / "is-it-in-between.db"
    subprocess.run(
        [sys.executable, "-c", script, str(database)],
        check=True,
        env={**os.environ, **interposer.environment},
        timeout=60,
    )
    database.unlink()
    if interposer.calls == 0:
        raise NoCompiler("this Python's SQLite does not call the C library's write")
