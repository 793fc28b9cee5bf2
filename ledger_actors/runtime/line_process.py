"""A process of ours that answers each line on its standard input with a line, as a Port does.

After Erlang's `ports <https://www.erlang.org/doc/system/ports.html>`_: it has one owner, and ends
when its input is closed, as it also is when this process ends in whatever way.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["KeptProcess", "LineProcess", "ProcessLost"]

_LOOK_EVERY = 0.1
"""Seconds: a thread that waits for the system does not notice that it is killed."""
_PATIENCE = 5.0
_CHUNK = 65_536


class ProcessLost(Exception):
    """It has ended, or does not answer."""


class LineProcess:
    """One process that runs a module of Python; for one thread, but for its end."""

    def __init__(self, module: str) -> None:
        """Start it, with the import path of this process.

        Raises:
            OSError: the system has no room for it.
        """
        if not sys.executable:
            raise OSError("this Python does not know by which program it can be started again")
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._unread = b""
        self._has_answered = False
        self._killed = False

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def tell(self, line: bytes) -> None:
        """Write a line.

        Raises:
            ProcessLost: it has ended.
        """
        try:
            self._input.write(line)
        except (OSError, ValueError) as problem:  # the latter: somebody has closed it
            raise ProcessLost(f"it has ended ({problem})") from problem

    def answer(self, timeout: float) -> bytes | None:
        """Return the next line; `None` where none has come within `timeout` seconds.

        Raises:
            ProcessLost: it has ended.
        """
        until = time.monotonic() + timeout
        while b"\n" not in self._unread:
            left = until - time.monotonic()
            if self._is_readable(max(0.0, min(left, _LOOK_EVERY))):
                self._unread += self._read()
            elif left <= 0:
                return None
        self._has_answered = True
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def close(self) -> None:
        """End it when it has done what it is at, and wait until it has; from any thread.

        One that has not answered yet is still coming up, and ends at once.
        """
        if self._killed:
            return
        if not self._has_answered:
            self._process.kill()
        self._input.close()
        self._output.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once; from any thread."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):  # it hangs in the kernel, and ends behind that
            self._process.wait(_PATIENCE)
        self._input.close()
        self._output.close()
        self._killed = True  # last: whoever is killed on the way here leaves the rest to `close`

    def _is_readable(self, seconds: float) -> bool:
        poll = select.poll()
        try:
            poll.register(self._output, select.POLLIN)
        except ValueError as problem:
            raise ProcessLost("it was closed") from problem
        return bool(poll.poll(seconds * 1000))

    def _read(self) -> bytes:
        try:
            told: bytes = self._output.read(_CHUNK)
        except (OSError, ValueError) as problem:
            raise ProcessLost("it was closed") from problem
        if not told:
            raise ProcessLost("it has ended")
        return told


class KeptProcess:
    """The process that an actor has: where the actor was killed its successor ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: LineProcess | None = None

    def keep(self, process: LineProcess) -> None:
        """Keep another one, and close the one before."""
        with self._lock:
            before, self._process = self._process, process
        if before is not None:
            before.close()

    def close(self) -> None:
        """Close the one that is kept, if there is one."""
        with self._lock:
            before, self._process = self._process, None
        if before is not None:
            before.close()
