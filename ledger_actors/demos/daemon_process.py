"""A daemon in a process of its own, for stories and tests in which one is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from ledger_actors.daemon.errors import LedgerUnavailable
from ledger_actors.ledger_api import connect
from supervision.clock import SYSTEM_CLOCK

START_SECONDS = 30.0
STOP_SECONDS = 15.0


class DaemonProcess:
    """`ledger-actors start` on a folder: up when entered, stopped in order when left.

    Its output goes to `daemon.log` beside the folder. Not thread-safe, but for `kill_9`.
    """

    def __init__(self, data: Path, **environment: str) -> None:
        self._data = data
        self._log = data.with_name("daemon.log")
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> DaemonProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers. Raises ChildProcessError when it does not."""
        self.begin()
        self.wait_until_it_answers()

    def begin(self) -> None:
        """Start it, and do not wait."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "ledger_actors", "start", "--data", str(self._data)]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **self._environment},
            )

    def kill_9(self) -> None:
        """Kill it as a power cut would; returns when the process is gone. From any thread."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def begin_stop(self) -> None:
        """Ask it to stop in order, if it runs, and do not wait."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = STOP_SECONDS) -> int | None:
        """Wait until it has ended by itself; return its exit status, None if it never started.

        Raises:
            subprocess.TimeoutExpired: it has not ended.
        """
        return None if self._process is None else self._process.wait(seconds)

    def stop(self) -> int | None:
        """Stop it in order, if it runs; return its exit status, None if it was never started."""
        if self._process is None:
            return None
        self.begin_stop()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill_9()
            raise

    def wait_until_it_answers(self) -> None:
        """Wait until it answers. Raises ChildProcessError when it does not."""
        deadline = SYSTEM_CLOCK.monotonic() + START_SECONDS
        not_yet = threading.Event()
        process = self._process
        while process and process.poll() is None and SYSTEM_CLOCK.monotonic() < deadline:
            try:
                connect(self._data).close()
            except LedgerUnavailable:
                not_yet.wait(0.02)  # the door cannot announce itself to another process
            else:
                return
        self.kill_9()
        said = self._log.read_text()[-2000:]
        raise ChildProcessError(f"the daemon did not come up; it said:\n{said}")
