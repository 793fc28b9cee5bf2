"""A small tree around the runtime: names, timers, journal, aggregates, handlers, consumers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_actors.runtime import (
    AGGREGATES,
    JOURNAL,
    PROJECTION_PROCESS,
    CommandBus,
    Outcome,
    ProjectionProcess,
    ReadModels,
    RuntimeOptions,
    Subscriptions,
    System,
    consumer_key,
    envelope,
)
from ledger_actors.store import Journal, SqliteEventStore
from supervision import ManualClock, Ref, Registry, RegistryKeeper, Timers, TimersKeeper
from supervision.dynamic_supervisor import DynamicSupervisor
from supervision.specs import SupervisorFlags, child_spec
from supervision.supervisor import Supervisor
from supervision.terms import REST_FOR_ONE, TRANSIENT
from supervision.testing import HANG
from tests.ledger_actors.runtime.counters import Counter, MoveHandler, Sticker


class World:
    """A running tree, and what a test does with it."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.path = path
        self.clock = ManualClock()
        names = Registry("names")
        topics = Registry("topics", keys="duplicate")
        defaults = {
            "hydration_delay": 0.0,
            "hydration_delay_entropy": 0.0,
            "idle_timeout": 60.0,
            "retry_delay": 0.0,
            "restart_gap": 0.0,
        }
        self.system = System(
            store=SqliteEventStore(path / "events.db", clock=self.clock),
            names=names,
            subscriptions=Subscriptions(names, topics),
            timers=Timers(self.clock),
            real_timers=Timers(),
            read_models=ReadModels(path / "read_models"),
            clock=self.clock,
            options=RuntimeOptions(**{**defaults, **options}),
        )
        self.bus = CommandBus(self.system, [Counter, Sticker], [MoveHandler])
        self.consumers: list[type[Any]] = []
        self.root: Ref = self._start([names, topics])

    def _start(self, registries: list[Registry]) -> Ref:
        system = self.system
        lenient = SupervisorFlags(max_restarts=1000, max_seconds=1.0)
        children = [
            child_spec(RegistryKeeper, registries, id="registries"),
            child_spec(TimersKeeper, system.timers, id="timers"),
            child_spec(TimersKeeper, system.real_timers, id="real timers"),
            child_spec(
                Journal,
                system.store,
                system.subscriptions.publish,
                id="journal",
                name=system.names.name(JOURNAL),
            ),
            child_spec(
                DynamicSupervisor, lenient, id="aggregates", name=system.names.name(AGGREGATES)
            ),
        ]
        if system.options.own_process_from:
            name = system.projection_process
            where = (system.process, self.path / "events.db")
            spec = child_spec(
                ProjectionProcess,
                *where,
                id=PROJECTION_PROCESS,
                name=name,
                monotonic=self.clock.monotonic,
            )
            children.append(spec)
        flags = SupervisorFlags(REST_FOR_ONE, max_restarts=1000, max_seconds=1.0)
        return Supervisor.start(children, flags)

    def consumer(self, cls: type[Any], *, wait: bool = True) -> Ref:
        """Start a consumer under the root and return its ref."""
        from supervision.administration import start_child

        spec = child_spec(
            cls,
            self.system,
            id=cls.name,
            restart=TRANSIENT,
            await_start=wait,
            name=self.system.names.name(consumer_key(cls.name)),
        )
        ref = start_child(self.root, spec, timeout=HANG)
        assert ref is not None
        return ref

    def send(self, command: Any, *, command_id: str | None = None, wait: bool = True) -> Any:
        """Dispatch a command; wait for its outcome unless told not to."""
        future = self.bus.dispatch(envelope(command, command_id=command_id))
        return future.get(timeout=HANG) if wait else future

    def send_many(self, commands: Iterable[tuple[Any, str | None]]) -> list[Outcome]:
        """Dispatch commands with their ids, if any, together; wait for all outcomes."""
        envelopes = [envelope(command, command_id=given) for command, given in commands]
        return [future.get(timeout=HANG) for future in self.bus.dispatch_many(envelopes)]

    def outcome(self, future: Any) -> Outcome:
        return future.get(timeout=HANG)

    def state(self, identity: str) -> Any:
        """Read a counter's confirmed state through its actor."""
        return self.bus.read(Counter, identity).get(timeout=HANG).state

    def counter(self, identity: str) -> Ref | None:
        return self.system.names.whereis(("counter", identity))

    def stop(self) -> None:
        if self.root.is_alive():
            self.root.stop(timeout=HANG)
        self.bus.close()
        self.system.process.close()
        self.system.read_models.close()
        self.system.store.close()


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    worlds: list[World] = []

    def make(**options: Any) -> World:
        for old in worlds:
            old.stop()
        worlds[:] = [World(tmp_path, **options)]
        return worlds[0]

    yield make
    for world in worlds:
        world.stop()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
