"""What always holds, looked at while a simulation runs, and once more when all is over.

After each commit the new rows are read from the file by a connection of its own and folded: ids,
versions, balances. Each time that a consumer moves on it is looked at where to: never beyond the
log, and never back while it lives. An answer is looked for on the disk when it is told.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger_actors.runtime import Aggregate, Consumer
from tests.simulation.fibers import SimulationError
from tests.simulation.serial import commands_are_decided_as_one_by_one
from tests.torture import checks, files, money
from tests.torture.evidence import Ack, Event, Evidence

__all__ = ["Broken", "Reached", "Watch", "at_the_end", "nothing_before_hydration"]


class Broken(SimulationError):
    """Something does not hold that always holds."""


class Watch:
    """Reads on in a log, and looks at each new event."""

    def __init__(self, file: Path, fail: Callable[[Exception], None]) -> None:
        self._connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        self.head = 0
        self._fail = fail
        self._versions: dict[str, int] = {}
        self._held: dict[str, Decimal] = {}

    def close(self) -> None:
        """Look no more."""
        self._connection.close()

    def read_on(self) -> None:
        """Look at what was committed since."""
        rows = self._connection.execute(
            "SELECT id, stream, version, type, schema_version, payload, author, correlation_id,"
            " causation_id, command_id, command_index, recorded_at FROM event_log WHERE id > ?"
            " ORDER BY id",
            (self.head,),
        ).fetchall()
        for row in rows:
            self._look_at(Event(*row))

    def acknowledged(self, ack: Ack) -> None:
        """What a client is told is on disk, for whoever reads the file."""
        self.read_on()
        for event in ack.events:
            if event.id > self.head:
                self.broken(f"{ack.id} is acknowledged, and event {event.id} is not on disk")

    def broken(self, what: str) -> None:
        """End the simulation."""
        self._fail(Broken(what))

    def _look_at(self, event: Event) -> None:
        if event.id != self.head + 1:
            self.broken(f"event {event.id} follows {self.head}")
        version = self._versions.get(event.stream, 0) + 1
        if event.version != version:
            self.broken(f"event {event.id} is version {event.version} of {event.stream}")
        self.head, self._versions[event.stream] = event.id, version
        if (entry := money.entry_of(event)) is not None:
            balance, amount = entry
            self._held[balance] = self._held.get(balance, Decimal(0)) + amount
            if self._held[balance] < 0:
                self.broken(f"event {event.id} leaves {balance} at {self._held[balance]}")


class Reached(dict[str, int]):
    """How far each consumer has come, as the runtime notes it: looked at each time it does."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def __setitem__(self, name: str, position: int) -> None:
        if position < self.get(name, 0):
            self._watch.broken(f"{name} went back from {self[name]} to {position}")
        if position > self._watch.head:
            self._watch.read_on()
            if position > self._watch.head:
                self._watch.broken(f"{name} is at {position}, the log ends at {self._watch.head}")
        super().__setitem__(name, position)


def nothing_before_hydration(watch: Watch) -> Iterator[tuple[Any, str, Any]]:
    """Hooks of aggregates and consumers that see whether one is told before it has hydrated."""
    for kind in (Aggregate, Consumer):
        yield from _hooks_of(kind, watch)


def _hooks_of(kind: Any, watch: Watch) -> Iterator[tuple[Any, str, Any]]:
    on_start, on_receive = kind.on_start, kind.on_receive

    def on_start_and_note(actor: Any) -> None:
        on_start(actor)
        vars(actor)["has_hydrated"] = True

    def on_receive_after_it(actor: Any, message: Any) -> Any:
        if "has_hydrated" not in vars(actor):
            watch.broken(f"{actor.actor_ref.label} is told {message!r:.200} before it has hydrated")
        return on_receive(actor, message)

    yield kind, "on_start", on_start_and_note
    yield kind, "on_receive", on_receive_after_it


def at_the_end(evidence: Evidence, states: Mapping[str, Decimal | None], data: Path) -> list[str]:
    """All that can be seen of a log, of what was told, and of the files."""
    return [
        *checks.wrong(evidence, checks.AT_THE_END),
        *map(str, commands_are_decided_as_one_by_one(evidence)),
        *money.states_are_as_the_events(evidence, states),
        *files.chain_is_clean(data),
        *files.read_models_are_as_a_replay(data),
    ]
