"""A tree around a program's own behaviours, in its own process.

The ledger's daemon is one such tree, with a domain and a door (`ledger_actors.application`). This
is the bare one: a store, a journal, and the classes that a program gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from ledger_actors.runtime.aggregate import Aggregate
from ledger_actors.runtime.command_bus import CommandBus
from ledger_actors.runtime.command_catalog import Command
from ledger_actors.runtime.consumer import Consumer
from ledger_actors.runtime.consumer_messages import WaitFor, consumer_key
from ledger_actors.runtime.envelopes import Outcome, envelope
from ledger_actors.runtime.handler import CommandHandler
from ledger_actors.runtime.process_manager import ProcessManager
from ledger_actors.runtime.projection_process import ProjectionProcess
from ledger_actors.runtime.projector import Projector
from ledger_actors.runtime.read_models import Database, ReadModels
from ledger_actors.runtime.stored_states import state_at
from ledger_actors.runtime.subscriptions import Subscriptions
from ledger_actors.runtime.system import (
    AGGREGATES,
    JOURNAL,
    PROJECTION_PROCESS,
    RuntimeOptions,
    System,
)
from ledger_actors.store.journal import Journal
from ledger_actors.store.sqlite import SqliteEventStore
from supervision import (
    SYSTEM_CLOCK,
    Clock,
    Future,
    Ref,
    Registry,
    RegistryKeeper,
    Timers,
    TimersKeeper,
)
from supervision.administration import count_children
from supervision.dynamic_supervisor import DynamicSupervisor
from supervision.specs import ChildSpec, SupervisorFlags, child_spec
from supervision.supervisor import Supervisor
from supervision.terms import REST_FOR_ONE, TRANSIENT

__all__ = ["Runtime", "dependent_first"]

T = TypeVar("T")


class Runtime:
    """A running tree of aggregates, handlers, projectors and process managers.

    Make it with `Runtime.open`, as a context manager or with `close` at the end. All methods may be
    called from any thread.
    """

    def __init__(self, system: System, bus: CommandBus, root: Ref) -> None:
        self.system = system
        self.bus = bus
        self.root = root

    @classmethod
    def open(
        cls,
        folder: Path | str,
        *,
        aggregates: Sequence[type[Aggregate[Any]]],
        handlers: Sequence[type[CommandHandler]] = (),
        projectors: Sequence[type[Projector]] = (),
        process_managers: Sequence[type[ProcessManager]] = (),
        options: RuntimeOptions | None = None,
        flags: SupervisorFlags | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> Runtime:
        """Start a tree on the events in `folder`, which is made if it is not there.

        Dependent projectors have hydrated when this returns; the others are on their way.

        Raises:
            StoreLocked: another process has the folder.
            StoreError: the store cannot be opened.
            ActorDead: a child could not be started; the reason says which and why.
        """
        names, topics = Registry("names"), Registry("subscriptions", keys="duplicate")
        timers = Timers(clock)
        real_timers = timers if clock is SYSTEM_CLOCK else Timers(SYSTEM_CLOCK)
        options = options or RuntimeOptions()
        system = System(
            store=SqliteEventStore(Path(folder) / "events.db", clock=clock),
            names=names,
            subscriptions=Subscriptions(
                names, topics, timers=real_timers, interval=options.delivery_interval
            ),
            timers=timers,
            real_timers=real_timers,
            read_models=ReadModels(Path(folder) / "read-models"),
            clock=clock,
            options=options,
        )
        bus = CommandBus(system, aggregates, handlers)
        children = [
            child_spec(RegistryKeeper, (names, topics), id="registries"),
            *_timers(system),
            child_spec(
                Journal,
                system.store,
                system.subscriptions.publish,
                id=JOURNAL,
                name=names.name(JOURNAL),
            ),
            child_spec(DynamicSupervisor, id=AGGREGATES, name=names.name(AGGREGATES)),
            *_projection_process(system, Path(folder) / "events.db"),
            *(consumer_spec(kind, system) for kind in dependent_first(projectors)),
            *(consumer_spec(kind, system) for kind in process_managers),
        ]
        root = Supervisor.start(children, flags or SupervisorFlags(REST_FOR_ONE))
        runtime = cls(system, bus, root)
        try:
            count_children(root)
        except BaseException:
            runtime.close()
            raise
        return runtime

    def __enter__(self) -> Self:
        """Return the runtime itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the tree in order."""
        self.close()

    def close(self) -> None:
        """Stop the tree, children in reverse, and give the folder free."""
        self.root.stop()
        self.bus.close()
        self.system.store.close()
        self.system.process.close()
        self.system.read_models.close()

    def dispatch(self, command: Command, *, command_id: str | None = None) -> Future[Outcome]:
        """Send a command on its way and return a future of its outcome; do not wait."""
        return self.bus.dispatch(envelope(command, command_id=command_id))

    def send(
        self, command: Command, *, command_id: str | None = None, timeout: float | None = None
    ) -> Outcome:
        """Send a command and return its outcome, which is on disk then.

        Raises:
            Rejection: it was refused.
            Exception: see `CommandBus.dispatch`.
        """
        return self.dispatch(command, command_id=command_id).get(timeout=timeout)

    def state(self, cls: type[Aggregate[Any]], identity: str, *, as_of: int | None = None) -> Any:
        """Return the state of an aggregate, now or as it was at an event id.

        Raises:
            NoSuchStream: as of that event there was none.
            EventIdInFuture: there is no such event yet.
        """
        if as_of is not None:
            return state_at(self.system, cls, identity, as_of).state
        return self.bus.read(cls, identity).get().state

    def states(self, cls: type[Aggregate[Any]], identities: Iterable[str]) -> list[Any]:
        """Return the states of many aggregates, each in its place; those that rest are started
        together.
        """
        return [one.get().state for one in self.bus.read_many(cls, identities)]

    def read(
        self,
        projector: type[Projector],
        query: Callable[[Database], T],
        *,
        up_to: int | None = None,
    ) -> T:
        """Return `query(database)` on a read model that has taken in event `up_to`.

        Without `up_to`: all that was on disk when this was called.
        """
        wanted = self.system.store.head() if up_to is None else up_to
        self.consumer(projector).ask(WaitFor(wanted))
        return projector.read(self.system, query)

    def consumer(self, kind: type[Consumer]) -> Ref:
        """Return the actor of a projector or process manager.

        Raises:
            NoProcess: it does not run at the moment.
        """
        return self.system.names.name(consumer_key(kind.name)).ref()


def consumer_spec(kind: type[Consumer], system: System, **options: Any) -> ChildSpec:
    """Return the child spec of a projector or process manager.

    It is transient: one that ends in order has met what no restart would change.
    """
    options.setdefault("await_start", not issubclass(kind, Projector) or kind.dependent_hydration)
    name = system.names.name(consumer_key(kind.name))
    return child_spec(kind, system, id=kind.name, name=name, restart=TRANSIENT, **options)


def dependent_first(projectors: Sequence[type[Projector]]) -> list[type[Projector]]:
    """Return projectors, those that others rely on before the rest."""
    return sorted(projectors, key=lambda kind: not kind.dependent_hydration)


def _projection_process(system: System, store: Path) -> list[ChildSpec]:
    if not system.options.own_process_from:
        return []
    name = system.projection_process
    return [child_spec(ProjectionProcess, system.process, store, id=PROJECTION_PROCESS, name=name)]


def _timers(system: System) -> list[ChildSpec]:
    keepers = [child_spec(TimersKeeper, system.timers, id="timers")]
    if system.real_timers is not system.timers:
        keepers.append(child_spec(TimersKeeper, system.real_timers, id="real_timers"))
    return keepers
