"""The application: the supervision tree on one screen; the only place that knows everything.

```
application (rest_for_one)
├── registries            names (unique keys), subscriptions (duplicate keys)
├── timers                of the ledger's clock and of the machine's
├── journal               the one writer of the event store
├── aggregates            dynamic: assets, companies, accounts, ... and handlers of commands
│                         that span streams: grants, payments; all on demand
├── projectors            the process that projects many events at once, and the read models,
│                         membership among them; dependent ones first, in order
├── process_managers      late fees
├── daily_cycler
└── endpoint              the daemon's door: HTTP on a Unix socket
```
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from ledger_actors import processors
from ledger_actors.business_dates import LedgerDates
from ledger_actors.daemon.address import DaemonPid, UnixDoor, door_link
from ledger_actors.daemon.endpoint import Endpoint, NetworkDoor
from ledger_actors.daemon.errors import LedgerUnavailable
from ledger_actors.daemon.limits import Limits
from ledger_actors.daemon.service import About, LedgerService
from ledger_actors.daily_cycler import DailyCycler
from ledger_actors.ledger import AGGREGATES as AGGREGATE_CLASSES
from ledger_actors.ledger import HANDLERS, PROCESS_MANAGERS, PROJECTORS
from ledger_actors.runtime import (
    AGGREGATES,
    COMMANDS,
    JOURNAL,
    PROJECTION_PROCESS,
    Command,
    CommandBus,
    Consumer,
    ProjectionProcess,
    ReadModels,
    RuntimeOptions,
    Subscriptions,
    System,
    consumer_key,
)
from ledger_actors.runtime.runtime import dependent_first
from ledger_actors.settings import Settings
from ledger_actors.store.journal import Journal
from ledger_actors.store.sqlite import SqliteEventStore
from supervision import (
    POOLED,
    SYSTEM_CLOCK,
    Actor,
    Clock,
    Down,
    ExitReason,
    Future,
    Ref,
    Registry,
    RegistryKeeper,
    Timers,
    TimersKeeper,
    monitor,
    spawn,
)
from supervision.administration import count_children
from supervision.dynamic_supervisor import DynamicSupervisor
from supervision.specs import ChildSpec, SupervisorFlags, child_spec
from supervision.supervisor import Supervisor
from supervision.terms import INFINITY, ONE_FOR_ONE, REST_FOR_ONE, TRANSIENT, Strategy

__all__ = ["Application"]


class Application:
    """One ledger, from its store to its door. Used from any thread but its own actors'.

    Making it takes the folder, so that a second one is refused before anything is started. On the
    `spare_processors` runs what it has beside its own process; by default on the same ones.

    Raises:
        StoreLocked: another process has the folder.
        StoreError: the store cannot be opened.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock = SYSTEM_CLOCK,
        on_stop_asked: Callable[[], None] | None = None,
        spare_processors: Sequence[int] = (),
    ) -> None:
        folder = settings.data.absolute()
        POOLED.resize(settings.dispatcher.pool_size)
        self.settings = settings
        self._store = SqliteEventStore(folder / "events.db", clock=clock)
        self._pid = DaemonPid(folder)
        self._door = UnixDoor(door_link(folder, configured=settings.endpoint.socket))
        self._names = Registry("names")
        self._topics = Registry("subscriptions", keys="duplicate")
        timers, options = Timers(clock), runtime_options(settings)
        real_timers = timers if clock is SYSTEM_CLOCK else Timers(SYSTEM_CLOCK)
        self.system = System(
            store=self._store,
            names=self._names,
            subscriptions=Subscriptions(
                self._names,
                self._topics,
                timers=real_timers,
                interval=options.delivery_interval,
            ),
            timers=timers,
            real_timers=real_timers,
            read_models=ReadModels(folder / "read-models"),
            clock=clock,
            options=options,
        )
        self.bus = CommandBus(self.system, AGGREGATE_CLASSES, HANDLERS)
        self._dates = LedgerDates(self.system, self.bus)
        self.service = LedgerService(
            self.system, self.bus, self._about(), root=self._the_root, stop=self.begin_stop
        )
        self._on_stop_asked = on_stop_asked
        self._spare_processors = spare_processors
        self._root: Ref | None = None
        self._stop_asked = False
        self._ended: Future[ExitReason] = Future()

    # -- the tree ----------------------------------------------------------------------------------

    def children(self) -> list[ChildSpec]:
        """The tree: each after what it rests on, so that it is restarted with what it rests on."""
        system, journal, cycler = self.system, self.settings.journal, self.settings.cycler
        publish = system.subscriptions.publish
        return [
            child_spec(RegistryKeeper, (self._names, self._topics), id="registries"),
            *self._timers(),
            self._worker(Journal, self._store, publish, id=JOURNAL, max_batch=journal.max_batch),
            self._worker(DynamicSupervisor, self._flags(), id=AGGREGATES),
            self._branch("projectors", [*self._projection_process(), *self._projectors()]),
            self._branch("process_managers", [self._consumer(k) for k in PROCESS_MANAGERS]),
            *([self._daily_cycler()] if cycler.enabled else []),
            self._endpoint(),
        ]

    def _timers(self) -> list[ChildSpec]:
        system = self.system
        keepers = [self._worker(TimersKeeper, system.timers, id="timers")]
        if system.real_timers is not system.timers:
            keepers.append(self._worker(TimersKeeper, system.real_timers, id="real_timers"))
        return keepers

    def _projection_process(self) -> list[ChildSpec]:
        system, store = self.system, self.settings.data.absolute() / "events.db"
        # On one processor the process would take from the commands what it saves them.
        is_of_use = bool(self._spare_processors) or processors.usable() > 1
        if not (system.options.own_process_from and is_of_use):
            return []
        kind, spare = ProjectionProcess, self._spare_processors
        process = system.process
        return [self._worker(kind, process, store, id=PROJECTION_PROCESS, processors=spare)]

    def _projectors(self) -> list[ChildSpec]:
        return [
            self._consumer(kind, await_start=kind.dependent_hydration)
            for kind in dependent_first(PROJECTORS)
        ]

    def _consumer(self, kind: type[Consumer], *, await_start: bool = True) -> ChildSpec:
        """Transient: one that ends in order has met what no restart would change.

        A process manager is waited for until it knows where it stands: a new one begins at the
        newest event, and that must not be the first date that the cycler behind it cycles. For
        what it has to catch up with nobody waits.
        """
        return child_spec(
            kind,
            self.system,
            id=kind.name,
            name=self._names.name(consumer_key(kind.name)),
            restart=TRANSIENT,
            await_start=await_start,
            shutdown=self.settings.shutdown.child_timeout,
        )

    def _daily_cycler(self) -> ChildSpec:
        return self._worker(
            DailyCycler,
            self._dates,
            id="daily_cycler",
            timers=self.system.timers,
            clock=self.system.clock,
            every=self.settings.cycler.interval,
            zone=self.settings.cycler.time_zone,
        )

    def _branch(self, name: str, children: list[ChildSpec]) -> ChildSpec:
        return self._worker(Supervisor, children, self._flags(), id=name)

    def _worker(self, kind: type[Actor], *args: Any, id: str, **kwargs: Any) -> ChildSpec:  # noqa: A002 - OTP's word
        shutdown, grace = self.settings.shutdown.child_timeout, self.settings.shutdown.kill_grace
        if issubclass(kind, Supervisor | DynamicSupervisor):
            kwargs, shutdown = {**kwargs, "kill_grace": grace}, INFINITY
        name = self._names.name(id)
        return child_spec(kind, *args, id=id, name=name, shutdown=shutdown, **kwargs)

    def _flags(self, strategy: Strategy = ONE_FOR_ONE) -> SupervisorFlags:
        intensity = self.settings.supervision
        return SupervisorFlags(strategy, intensity.max_restarts, intensity.max_seconds)

    def _endpoint(self) -> ChildSpec:
        told = self.settings.endpoint
        limits = Limits(told.max_connections, told.max_request_rate, told.request_timeout)
        door, network = self._door, self._network()
        return self._worker(Endpoint, self.service, door, network, id="endpoint", limits=limits)

    def _network(self) -> NetworkDoor | None:
        endpoint = self.settings.endpoint
        if not endpoint.host:
            return None
        return NetworkDoor(endpoint.host, endpoint.port, endpoint.token.get_secret_value())

    def _about(self) -> About:
        return About(
            env=self.settings.env,
            folder=str(self.settings.data),
            door=str(self._door.link),
            started_at=self.system.clock.now().isoformat(),
            consumers=(*PROJECTORS, *PROCESS_MANAGERS),
            business_date=self._dates.last_cycled,
        )

    # -- its life ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the tree and return when all of it is up; on failure nothing is left behind.

        Raises:
            ActorDead: a child could not be started (the reason says which and why), or a stop was
                asked for meanwhile.
        """
        self._pid.write()
        flags = self._flags(REST_FOR_ONE)
        grace = self.settings.shutdown.kill_grace
        children, name = self.children(), self._names.name("application")
        self._root = spawn(Supervisor, (children, flags), {"kill_grace": grace}, name=name)
        monitor(self._root, self._on_down)
        if self._stop_asked:  # before there was a root to tell
            self._root.shutdown()
        try:
            count_children(self._root)
        except BaseException:
            self.stop()
            raise

    def begin_stop(self) -> None:
        """Ask for an ordered stop; do not wait. From any thread, and from a signal handler."""
        if self._on_stop_asked is not None:
            self._on_stop_asked()
        self._stop_asked = True
        if self._root is not None:
            self._root.shutdown()

    def stop(self) -> None:
        """Stop the tree, children in reverse, wait until it has ended, and give the folder free."""
        if self._root is not None:
            self._root.shutdown()
            self._ended.get()
        self.bus.close()
        self._store.close()
        self.system.process.close()
        self.system.read_models.close()
        self._pid.remove()

    def on_end(self, callback: Callable[[ExitReason], None]) -> None:
        """Call `callback` with the reason when the tree has ended, in the thread that ended it."""
        self._ended.add_done_callback(lambda ended: callback(ended.get()))

    def _on_down(self, down: Down) -> None:
        self._ended.try_set(down.reason)

    def _the_root(self) -> Ref:
        if self._root is None:
            raise LedgerUnavailable("the ledger has not been started")
        return self._root


def runtime_options(settings: Settings) -> RuntimeOptions:
    """The settings that the runtime's actors go by; milliseconds become seconds."""
    return RuntimeOptions(
        hydration_delay=settings.projector.hydration_delay / 1000,
        hydration_delay_entropy=settings.projector.hydration_delay_entropy / 1000,
        delivery_interval=settings.projector.delivery_interval / 1000,
        attempts=settings.projector.attempts,
        retry_delay=settings.projector.retry_delay / 1000,
        restart_gap=settings.supervision.max_seconds if settings.supervision.max_restarts else inf,
        idle_timeout=settings.aggregate.idle_timeout,
        snapshot_every=settings.aggregate.snapshot_every,
        conflict_retries=settings.command.conflict_retries,
        command_timeout=settings.command.timeout,
        own_process_from=settings.projector.own_process_from,
    )


def command_types() -> dict[str, type[Command]]:
    """The commands as structs, by their names."""
    return {kind.command_type: kind for kind in COMMANDS}
