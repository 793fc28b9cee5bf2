"""A store in a process of its own, under an interposer: `StoreProcess`, and what it runs.

Run as a program it opens the store in the folder that it is given, and answers lines of JSON:
`["open"]`, `["append", command_id, size]`, `["head"]`. An answer is `{"ok": value}` or
`{"error": class, "message": text}`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from ledger_actors.store import (
    Append,
    Appended,
    NewEvent,
    SqliteEventStore,
    StoreError,
    StreamWrite,
)

SECONDS = 60.0


class Refusal(Exception):
    """What the store said no with: the error's class, and its sentence."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class StoreProcess:
    """The other side of this file's program. Killed when left."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._process = self._started()

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.store_process", str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **self._environment},
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def open(self) -> None:
        """Open the store, and close it first if it is open."""
        self._ask("open")

    def append(self, command_id: str, size: int = 100) -> int:
        """Append one event of so many bytes; return its id. Raises Refusal."""
        return int(self._ask("append", command_id, size))

    def head(self) -> int:
        """The id of the last event."""
        return int(self._ask("head"))

    def kill_and_start_again(self) -> None:
        """kill -9; the next process opens the store when it is told to, or needs it."""
        self._end()
        self._process = self._started()

    def end_and_start_again(self) -> None:
        """End it in order, with what Python closes at its exit."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(SECONDS)
        self.kill_and_start_again()

    def _ask(self, *request: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise ConnectionError(f"the process has ended: {self._process.wait(SECONDS)}")
        answer = json.loads(line)
        if "error" in answer:
            raise Refusal(answer["error"], answer["message"])
        return answer["ok"]

    def __enter__(self) -> StoreProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait(SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class _Program:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._store: SqliteEventStore | None = None

    def open(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
        self._store = SqliteEventStore(self._path)

    def append(self, command_id: str, size: int) -> int:
        event = NewEvent("A", f'"{"x" * size}"')
        append = Append((StreamWrite("s", (event,)),), command_id=command_id)
        (answer,) = self._opened().append([append])
        if isinstance(answer, StoreError):
            raise answer
        assert isinstance(answer, Appended)
        return answer.events[0].id

    def head(self) -> int:
        return self._opened().head()

    def _opened(self) -> SqliteEventStore:
        if self._store is None:
            self.open()
        assert self._store is not None
        return self._store


def main(folder: str) -> None:
    program = _Program(Path(folder) / "events.db")
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        method: Callable[..., Any] = getattr(program, name)
        try:
            answer: dict[str, Any] = {"ok": method(*arguments)}
        except StoreError as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
