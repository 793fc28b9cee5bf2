"""An import that goes on until its standard input is closed: `python -m benchmarks.importing DATA`.

A process of its own beside the one that measures. It says "running" when a window has been
answered, and at the end how many commands were taken.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from benchmarks import workload
from benchmarks.measuring import ensure
from ledger_actors import connect
from ledger_actors.importing.run import DEFAULT_WINDOW


class RunningImport:
    """An import into the daemon of a folder, from when it is entered until it is ended."""

    def __init__(self, data: Path, *, accounts: int) -> None:
        self._command = [sys.executable, "-m", __spec__.name, str(data), str(accounts)]

    def __enter__(self) -> RunningImport:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        assert self._process.stdout is not None
        ensure(self._process.stdout.readline() == "running\n", "the import did not start")
        return self

    def end(self) -> int:
        """End it in order; return how many commands were taken."""
        told, _ = self._process.communicate()
        ensure(self._process.returncode == 0, "the import failed")
        return int(told)

    def __exit__(self, *_problem: object) -> None:
        self._process.kill()
        self._process.communicate()


def main(data: str, accounts: str) -> None:
    """Import deposits until standard input is closed."""
    ended = threading.Event()
    threading.Thread(target=_wait_for_end, args=(ended,), daemon=True).start()
    taken = 0
    with connect(data) as ledger:
        for answer in ledger.send_many(_until(ended, int(accounts)), window=DEFAULT_WINDOW):
            if isinstance(answer, Exception):
                raise answer
            taken += 1
            if taken == DEFAULT_WINDOW:
                print("running", flush=True)
    print(taken)


def _wait_for_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def _until(ended: threading.Event, accounts: int) -> Iterator[workload.Wire]:
    for number in count():
        if ended.is_set():
            return
        yield workload.deposit(number, accounts)


if __name__ == "__main__":
    main(*sys.argv[1:])
