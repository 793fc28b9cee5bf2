"""What the actors of one ledger share: their collaborators, by name where they may be restarted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ledger_actors.runtime.catalog import EVENTS, EventCatalog
from ledger_actors.runtime.command_catalog import COMMANDS, CommandCatalog
from ledger_actors.runtime.line_process import KeptProcess
from ledger_actors.runtime.passivation import IdleLooks
from ledger_actors.runtime.poison import Failure, Restarts
from ledger_actors.runtime.read_models import ReadModels
from ledger_actors.runtime.subscriptions import Subscriptions
from ledger_actors.store.interface import EventStore
from supervision import SYSTEM_CLOCK, Clock, Name, Registry, Timers

if TYPE_CHECKING:
    from ledger_actors.runtime.aggregate import Aggregate

__all__ = ["AGGREGATES", "JOURNAL", "PROJECTION_PROCESS", "RuntimeOptions", "System"]

JOURNAL = "journal"
PROJECTION_PROCESS = "projection_process"
AGGREGATES = "aggregates"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """The runtime's settings. Durations are seconds.

    An event at which a consumer's code raises is tried `attempts` times, the first retry after
    `retry_delay`. Consumers crash over such events no more than once in `restart_gap`, all of them
    together: let it be so long that this alone exceeds no supervisor's intensity. So many
    events at once as `own_process_from`, or more, are projected in a process beside this one; with
    0 none are.
    """

    hydration_delay: float = 1.0
    hydration_delay_entropy: float = 0.1
    idle_timeout: float = 300.0
    snapshot_every: int = 1000
    conflict_retries: int = 8
    command_timeout: float = 30.0
    delivery_interval: float = 0.02
    read_batch: int = 4096
    full_disk_pause: float = 1.0
    attempts: int = 3
    retry_delay: float = 1.0
    longest_retry_delay: float = 30.0
    restart_gap: float = 5.0
    own_process_from: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The collaborators of all actors of one ledger.

    `timers` run on `clock`, which may be turned by hand; `real_timers` run on the machine's, for
    what waits for threads and not for dates. `reached` says how far each consumer has come, by its
    name, also while it catches up and answers nobody; `stopped` says of those that have ended for
    good why they have: what they met does not go away by a restart. `failing` has the event that a
    consumer is about to try again, or stopped at; `parked` says how many each has put aside.
    `process` is where the owner of the projection process keeps it.
    """

    store: EventStore
    names: Registry
    subscriptions: Subscriptions
    timers: Timers
    real_timers: Timers
    read_models: ReadModels
    clock: Clock = SYSTEM_CLOCK
    options: RuntimeOptions = field(default_factory=RuntimeOptions)
    events: EventCatalog = EVENTS
    commands: CommandCatalog = COMMANDS
    reached: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    failing: dict[str, Failure] = field(default_factory=dict)
    parked: dict[str, int] = field(default_factory=dict)
    idle_looks: IdleLooks = field(default_factory=IdleLooks)
    process: KeptProcess = field(default_factory=KeptProcess)

    journal: Name = field(init=False)
    """The address of the one writer."""
    projection_process: Name = field(init=False)
    """The address of what projects many events beside this process, if there is one."""
    aggregates: Name = field(init=False)
    """The address of the supervisor of all aggregates."""
    restarts: Restarts = field(init=False)
    """Who may crash over poison."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "journal", self.names.name(JOURNAL))
        process = self.names.name(PROJECTION_PROCESS)
        object.__setattr__(self, "projection_process", process)
        object.__setattr__(self, "aggregates", self.names.name(AGGREGATES))
        object.__setattr__(self, "restarts", Restarts(self.options.restart_gap))


def by_category(aggregates: Iterable[type[Aggregate[Any]]]) -> Mapping[str, type[Aggregate[Any]]]:
    """Return aggregate classes by the category of their streams.

    Raises:
        ValueError: two have the same, or one is empty or has a hyphen.
    """
    found: dict[str, type[Aggregate[Any]]] = {}
    for one in aggregates:
        if not one.category or "-" in one.category:
            msg = f"{one.__qualname__}: a category is a name without a hyphen, not {one.category!r}"
            raise ValueError(msg)
        if found.setdefault(one.category, one) is not one:
            other = found[one.category].__qualname__
            msg = f"{one.__qualname__} and {other} have one category, {one.category!r}"
            raise ValueError(msg)
    return found
