"""Read models, read as of now: wait until the projector has taken in what is committed, then read.

So whoever has the answer to a command finds its effect in every read model.
"""

from __future__ import annotations

import threading
from typing import Any

from ledger_actors.daemon.errors import ActorMissing, NotFound, TimedOut
from ledger_actors.read_models import READ_MODELS, as_json
from ledger_actors.runtime import System, WaitFor, consumer_key
from supervision import SYSTEM_CLOCK, ActorDead, CallTimeout, Registered
from supervision.administration import which_children
from supervision.children import ChildState

WAIT_SECONDS = 30.0
LOOK_SECONDS = 1.0
"""How often a wait for a projector that is down looks whether it has stopped for good."""

PROJECTORS = "projectors"
"""The name of their supervisor."""


def read_model(system: System, name: str, key: str | None) -> Any:
    """A read model's rows, or one, as JSON values; blocks until it has caught up.

    Raises:
        NotFound: there is no such model, or no such row.
        ActorMissing: its projector has stopped for good.
        TimedOut: its projector does not catch up.
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
        ActorMissing: it has stopped for good.
        TimedOut: it has not come so far in time.
    """
    deadline = SYSTEM_CLOCK.monotonic() + seconds
    while (left := deadline - SYSTEM_CLOCK.monotonic()) > 0:
        ref = system.names.whereis(consumer_key(consumer))
        if ref is None:
            _refuse_if_stopped(system, consumer)
            _await_registered(system, consumer, min(left, LOOK_SECONDS))
            continue
        try:
            ref.ask(WaitFor(event_id), timeout=left)
        except ActorDead:
            continue
        except CallTimeout:
            break
        return
    raise TimedOut(
        f"the read model {consumer} has not reached event {event_id} within {seconds:g} seconds: "
        "ledger.status() tells how far it is"
    )


def _refuse_if_stopped(system: System, consumer: str) -> None:
    """Raise ActorMissing for a projector whose supervisor does not start it again."""
    supervisor = system.names.whereis(PROJECTORS)
    if supervisor is None:  # it is being restarted itself
        return
    try:
        children = which_children(supervisor, timeout=LOOK_SECONDS)
    except (ActorDead, CallTimeout):
        return
    if any(one.id == consumer and one.state is ChildState.STOPPED for one in children):
        raise ActorMissing(
            f"the read model {consumer} has stopped, and no restart would change that: the log "
            "says why (consumer.stopped)"
        )


def _await_registered(system: System, consumer: str, seconds: float) -> None:
    """Wait until somebody has the consumer's name, at most so long."""
    key = consumer_key(consumer)
    here = threading.Event()

    def listen(change: object) -> None:
        if isinstance(change, Registered) and change.key == key:
            here.set()

    remove = system.names.add_listener(listen)
    try:
        if system.names.whereis(key) is None:
            here.wait(seconds)
    finally:
        remove()
