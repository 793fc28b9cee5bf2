"""Where consumers are, and how many aggregates run: asked of the actors, without waiting long."""

from __future__ import annotations

from ledger_actors.daemon.protocol import ConsumerStatus
from ledger_actors.runtime import Consumer, Projector, ReadPosition, System, consumer_key
from supervision import ActorDead, CallTimeout
from supervision.administration import count_children

_QUICK_SECONDS = 1.0


def consumer_status(system: System, kind: type[Consumer], head: int) -> ConsumerStatus:
    """Where one is; without a position while it hydrates, or where it does not run."""
    role = "projector" if issubclass(kind, Projector) else "process manager"
    ref = system.names.whereis(consumer_key(kind.name))
    why = system.stopped.get(kind.name)
    gone = ConsumerStatus(kind.name, role, None, None, alive=False, stopped_because=why)
    if ref is None:
        return gone
    try:
        position: int | None = ref.ask(ReadPosition(), timeout=_QUICK_SECONDS)
    except CallTimeout:
        position = None
    except ActorDead:
        return gone
    lag = None if position is None else max(0, head - position)
    return ConsumerStatus(kind.name, role, position, lag, alive=True)


def count_aggregates(system: System) -> int | None:
    """How many run; None where their supervisor is not there to say."""
    try:
        return count_children(system.aggregates, timeout=_QUICK_SECONDS).active
    except (ActorDead, CallTimeout):
        return None
