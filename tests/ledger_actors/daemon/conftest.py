"""A door over a service that answers from memory: what is tested is the door and its client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger_actors.daemon.address import DaemonPid, UnixDoor, door_link
from ledger_actors.daemon.client import HttpConnection
from ledger_actors.daemon.connection import CommandRequest, EventQuery
from ledger_actors.daemon.contract import Answer
from ledger_actors.daemon.endpoint import Endpoint
from ledger_actors.daemon.errors import NotJson, Rejected
from ledger_actors.daemon.limits import Limits
from ledger_actors.daemon.protocol import (
    CommandAnswer,
    CommandInfo,
    EventRecord,
    StateAnswer,
    VerifyAnswer,
)
from ledger_actors.daemon.target import Target
from supervision import Future, Ref, spawn

HANG = 20.0


class FakeService:
    """Keeps each command as one event; a "Refuse" is refused; a "Hold" is answered by `release`."""

    def __init__(self) -> None:
        self.recorded: list[EventRecord] = []
        self.held: list[tuple[Future[Any], CommandRequest]] = []
        self.acted: list[tuple[str, str | None, Any]] = []
        self.stopped = False
        self.caught_up = threading.Event()
        self.caught_up.set()
        self.listeners: list[Callable[[], None]] = []

    def submit_many(self, lines: Sequence[bytes]) -> list[Answer]:
        return [self.submit(line) for line in lines]

    def submit(self, line: bytes) -> Answer:
        try:
            command = msgspec.json.decode(line, type=CommandRequest)
        except msgspec.DecodeError as wrong:
            return NotJson(str(wrong))
        future: Future[CommandAnswer] = Future()
        if command.type == "Refuse":
            future.set_exception(Rejected("no", code="refused_here"))
        elif command.type == "Hold":
            self.held.append((future, command))
        else:
            future.set(self.record(command))
        return future

    def release(self) -> None:
        held, self.held = self.held, []
        for future, command in held:
            future.set(self.record(command))

    def record(self, command: CommandRequest) -> CommandAnswer:
        event = EventRecord(
            id=len(self.recorded) + 1,
            stream="test-1",
            version=len(self.recorded) + 1,
            type=command.type,
            schema_version=1,
            payload=command.data,
            recorded_at="2026-03-02T20:00:00Z",
            command_id=command.command_id,
        )
        self.recorded.append(event)
        for listener in list(self.listeners):
            listener()
        return CommandAnswer((event,))

    def answer(self, outcome: CommandAnswer) -> CommandAnswer:
        return outcome

    def commands(self) -> tuple[CommandInfo, ...]:
        return (CommandInfo("Keep", "Keep it.", ()),)

    def state(self, kind: str, id: str, *, as_of: int | None) -> StateAnswer:  # noqa: A002
        return StateAnswer(f"{kind}-{id}", 3, {"balance": "1.00"}, as_of)

    def head(self) -> int:
        return len(self.recorded)

    def on_commit(self, callback: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(callback)
        return lambda: self.listeners.remove(callback)

    def event_batches(self, query: EventQuery) -> Iterator[list[EventRecord]]:
        found = self.recorded[query.after : query.up_to]
        yield found if query.limit is None else found[: query.limit]

    def models(self) -> tuple[str, ...]:
        return ("balances",)

    def read(self, model: str, key: str | None = None) -> Any:
        self.caught_up.wait(HANG)
        return [{"account_uuid": "a-1", "balance": "1.00"}] if key is None else {"balance": "1.00"}

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyAnswer:
        if progress is not None:
            progress(1, 1)
        return VerifyAnswer(events=len(self.recorded), ok=True, problems=())

    def act(self, name: str, id: str | None, action: Any) -> Any:  # noqa: A002
        self.acted.append((name, id, action))
        return {"said": action.message}

    def stop(self) -> None:
        self.stopped = True


class RunningDoor:
    """An endpoint actor with its folder, service and client."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.service = FakeService()
        self.target = Target(folder)
        self.connection = HttpConnection(self.target)
        self.ref: Ref | None = None

    def open(self, limits: Limits | None = None) -> None:
        door = UnixDoor(door_link(self.folder))
        self.ref = spawn(Endpoint, (self.service, door), {"limits": limits})
        self.ref.ask("are you there", timeout=HANG)
        DaemonPid(self.folder).write()

    def close(self) -> None:
        DaemonPid(self.folder).remove()
        self.connection.close()
        if self.ref is not None:
            self.ref.stop(block=True, timeout=HANG)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[RunningDoor]:
    running = RunningDoor(tmp_path)
    running.open()
    yield running
    running.close()


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Callable[[Limits], RunningDoor]]:
    """A function that opens a door with these limits."""
    running = RunningDoor(tmp_path)

    def open_with(limits: Limits) -> RunningDoor:
        running.open(limits)
        return running

    yield open_with
    running.close()
