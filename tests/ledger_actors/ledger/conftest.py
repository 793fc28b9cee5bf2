"""The whole domain in a running tree, without a door: what `running` gives to a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlite_utils import Database

from ledger_actors.ledger import AGGREGATES, HANDLERS, PROCESS_MANAGERS, PROJECTORS
from ledger_actors.runtime import AGGREGATES as ON_DEMAND
from ledger_actors.runtime import (
    JOURNAL,
    Command,
    CommandBus,
    Consumer,
    Outcome,
    Projector,
    ReadModels,
    RuntimeOptions,
    Subscriptions,
    System,
    WaitFor,
    consumer_key,
    envelope,
)
from ledger_actors.store.journal import Journal
from ledger_actors.store.sqlite import SqliteEventStore
from supervision import (
    ActorDead,
    Future,
    ManualClock,
    Ref,
    Registry,
    RegistryKeeper,
    Timers,
    TimersKeeper,
)
from supervision.dynamic_supervisor import DynamicSupervisor
from supervision.specs import ChildSpec, SupervisorFlags, child_spec
from supervision.supervisor import Supervisor
from supervision.terms import REST_FOR_ONE
from supervision.testing import HANG, wait_until

T = TypeVar("T")
FLAGS = SupervisorFlags(max_restarts=1000, max_seconds=1.0)


class Running:
    """A running ledger, and what a test does with it."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock()
        self._names = Registry("names")
        self._topics = Registry("topics", keys="duplicate")
        self.system = System(
            store=SqliteEventStore(path / "events.db", clock=self.clock),
            names=self._names,
            subscriptions=Subscriptions(self._names, self._topics),
            timers=Timers(self.clock),
            real_timers=Timers(),
            read_models=ReadModels(path / "read_models"),
            clock=self.clock,
            options=RuntimeOptions(hydration_delay=0, hydration_delay_entropy=0, retry_delay=0),
        )
        self.bus = CommandBus(self.system, AGGREGATES, HANDLERS)
        self.root: Ref = Supervisor.start(self._children(), replace(FLAGS, strategy=REST_FOR_ONE))

    def _children(self) -> list[ChildSpec]:
        system = self.system
        journal = (system.store, system.subscriptions.publish)
        name = system.names.name
        return [
            child_spec(RegistryKeeper, [self._names, self._topics], id="registries"),
            child_spec(TimersKeeper, system.timers, id="timers"),
            child_spec(TimersKeeper, system.real_timers, id="real timers"),
            child_spec(Journal, *journal, id=JOURNAL, name=name(JOURNAL)),
            child_spec(DynamicSupervisor, FLAGS, id=ON_DEMAND, name=name(ON_DEMAND)),
            _branch("projectors", [self._consumer(kind) for kind in PROJECTORS]),
            _branch("process managers", [self._consumer(kind) for kind in PROCESS_MANAGERS]),
        ]

    def _consumer(self, kind: type[Consumer]) -> ChildSpec:
        return child_spec(
            kind, self.system, id=kind, name=self._names.name(consumer_key(kind.name))
        )

    def dispatch(self, order: Command, *, command_id: str | None = None) -> Future[Outcome]:
        return self.bus.dispatch(envelope(order, command_id=command_id))

    def send(self, *orders: Command) -> None:
        for order in orders:
            self.dispatch(order).get(timeout=HANG)

    def state(self, kind: Any, uuid: str) -> Any:
        return self.bus.read(kind, uuid).get(timeout=HANG).state

    def alive(self, kind: Any) -> bool:
        return self.system.names.whereis(consumer_key(kind.name)) is not None

    def consumer(self, kind: Any) -> Ref:
        """Return a consumer's ref, once it is up."""
        wait_until(lambda: self.alive(kind), what=f"{kind.name} to be up")
        ref = self.system.names.whereis(consumer_key(kind.name))
        assert ref is not None
        return ref

    def crash_journal(self) -> None:
        """Crash the journal, wherever it is; its supervisor starts all behind it again."""
        self.system.journal.ref().crash(RuntimeError("a crash that a test asked for"))

    def read(self, projector: type[Projector], query: Callable[[Database], T]) -> T:
        """Query a read model once it has taken in all that is in the store."""
        while True:  # one that is replaced meanwhile, with a journal that crashed, has a successor
            with suppress(ActorDead):
                self.consumer(projector).ask(WaitFor(self.system.store.head()), timeout=HANG)
                return projector.read(self.system, query)

    def events(self, *types: str) -> list[Any]:
        """What is in the store, decoded, of these types."""
        rows = self.system.store.read_all(types=types or None)
        return [event for row in rows for event in self.system.events.decode(row)]

    def stop(self) -> None:
        self.root.stop(timeout=HANG)
        self.system.read_models.close()
        self.system.store.close()


def _branch(name: str, children: Sequence[ChildSpec]) -> ChildSpec:
    return child_spec(Supervisor, children, FLAGS, id=name)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Running]]:
    """Start the ledger of this test's folder; the one that ran before is stopped first."""
    running: list[Running] = []

    def start_again() -> Running:
        while running:
            running.pop().stop()
        running.append(Running(tmp_path))
        return running[0]

    yield start_again
    while running:
        running.pop().stop()


@pytest.fixture
def running(start: Callable[[], Running]) -> Running:
    return start()
