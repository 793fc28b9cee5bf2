"""Read models, read as of now: wait until the projector has taken in what is committed, then read.

So whoever has the answer to a command finds its effect in every read model.
"""

from __future__ import annotations

import threading
from typing import Any

from ledger_actors.daemon.errors import ActorCrashed, NotFound, TimedOut
from ledger_actors.read_models import READ_MODELS, as_json
from ledger_actors.runtime import System, WaitFor, consumer_key
from supervision import SYSTEM_CLOCK, ActorDead, CallTimeout, Ref, Registered

WAIT_SECONDS = 30.0


def read_model(system: System, name: str, key: str | None) -> Any:
    """A read model's rows, or one, as JSON values; blocks until it has caught up.

    Raises:
        NotFound: there is no such model, or no such row.
        TimedOut: its projector does not catch up: it has stopped, or is far behind.
    """
    model = READ_MODELS.get(name)
    if model is None:
        raise NotFound(f"there is no read model {name!r}; there are {', '.join(READ_MODELS)}")
    wait_for_position(system, model.projector.name, system.store.head())
    if key is None:
        return as_json(model.projector.read(system, model.all))
    one = model.one
    row = None if one is None else model.projector.read(system, lambda db: one(db, key))
    if row is None:
        raise NotFound(f"there is no {model.noun} {key!r}")
    return as_json(row)


def wait_for_position(
    system: System, consumer: str, event_id: int, *, seconds: float = WAIT_SECONDS
) -> None:
    """Return when a consumer has dealt with an event, through its restarts.

    Raises:
        ActorCrashed: it has stopped for good; the sentence says why.
        TimedOut: it has not come so far in time.
    """
    deadline = SYSTEM_CLOCK.monotonic() + seconds
    while (left := deadline - SYSTEM_CLOCK.monotonic()) > 0:
        if (why := system.stopped.get(consumer)) is not None:
            raise ActorCrashed(f"the read model {consumer} has stopped: {why}")
        ref = _await_registered(system, consumer, left)
        if ref is None:
            break
        try:
            ref.ask(WaitFor(event_id), timeout=left)
        except ActorDead:
            continue
        except CallTimeout:
            break
        return
    raise TimedOut(
        f"the read model {consumer} has not reached event {event_id}: ledger.status() tells how "
        "far it is, the log why it stopped, if it did"
    )


def _await_registered(system: System, consumer: str, seconds: float) -> Ref | None:
    """The consumer's ref, as soon as there is one; None where there is none in time."""
    key = consumer_key(consumer)
    here = threading.Event()

    def listen(change: object) -> None:
        if isinstance(change, Registered) and change.key == key:
            here.set()

    remove = system.names.add_listener(listen)
    try:
        ref = system.names.whereis(key)
        if ref is None and here.wait(seconds):
            ref = system.names.whereis(key)
        return ref
    finally:
        remove()
