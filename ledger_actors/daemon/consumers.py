"""Where consumers are, and how many aggregates run; nobody is waited for long."""

from __future__ import annotations

from typing import Any

from ledger_actors.daemon.protocol import ConsumerStatus
from ledger_actors.runtime import Consumer, Projector, System, consumer_key
from supervision import ActorDead, CallTimeout
from supervision.administration import count_children

_QUICK_SECONDS = 1.0


def consumer_status(system: System, kind: type[Consumer], head: int) -> ConsumerStatus:
    """Where one is, also while it catches up; without a position before it knows it."""
    role = "projector" if issubclass(kind, Projector) else "process manager"
    ref = system.names.whereis(consumer_key(kind.name))
    why = system.stopped.get(kind.name)
    if why is not None or ref is None or not ref.is_alive():
        return ConsumerStatus(
            kind.name, role, None, None, alive=False, stopped_because=why, **_trouble(system, kind)
        )
    position = system.reached.get(kind.name)
    lag = None if position is None else max(0, head - position)
    return ConsumerStatus(kind.name, role, position, lag, alive=True, **_trouble(system, kind))


def consumer_notes(system: System) -> dict[str, str]:
    """What is wrong with consumers, in a few words, by their names."""
    notes: dict[str, str] = {}
    for name, failure in list(system.failing.items()):
        what = "stopped at" if name in system.stopped else "about to retry"
        notes[name] = f"{what} event {failure.event_id}"
    for name, count in list(system.parked.items()):
        if count:
            notes[name] = ", ".join(filter(None, (notes.get(name), f"{count:,} parked")))
    return notes


def _trouble(system: System, kind: type[Consumer]) -> dict[str, Any]:
    failure = system.failing.get(kind.name)
    failing = None if failure is None else str(failure)
    return {"parked": system.parked.get(kind.name, 0), "failing": failing}


def count_aggregates(system: System) -> int | None:
    """How many run; None where their supervisor is not there to say."""
    try:
        return count_children(system.aggregates, timeout=_QUICK_SECONDS).active
    except (ActorDead, CallTimeout):
        return None
