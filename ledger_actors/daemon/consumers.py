"""Where consumers are, and how many aggregates run; nobody is waited for long."""

from __future__ import annotations

from ledger_actors.daemon.protocol import ConsumerStatus
from ledger_actors.runtime import Consumer, Projector, System, consumer_key
from supervision import ActorDead, CallTimeout
from supervision.administration import count_children

_QUICK_SECONDS = 1.0


def consumer_status(system: System, kind: type[Consumer], head: int) -> ConsumerStatus:
    """Where one is, also while it catches up; without a position before it knows it."""
    role = "projector" if issubclass(kind, Projector) else "process manager"
    ref = system.names.whereis(consumer_key(kind.name))
    if ref is None or not ref.is_alive():
        why = system.stopped.get(kind.name)
        return ConsumerStatus(kind.name, role, None, None, alive=False, stopped_because=why)
    position = system.reached.get(kind.name)
    lag = None if position is None else max(0, head - position)
    return ConsumerStatus(kind.name, role, position, lag, alive=True)


def count_aggregates(system: System) -> int | None:
    """How many run; None where their supervisor is not there to say."""
    try:
        return count_children(system.aggregates, timeout=_QUICK_SECONDS).active
    except (ActorDead, CallTimeout):
        return None
