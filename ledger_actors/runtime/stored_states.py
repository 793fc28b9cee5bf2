"""The states of aggregates at rest: as of an event, and as snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from ledger_actors.json_decoders import decoder_of
from ledger_actors.runtime.aggregate_messages import Stand
from ledger_actors.runtime.errors import LedgerRuntimeError, NoSuchStream
from ledger_actors.runtime.system import System
from ledger_actors.store.errors import StoreError
from ledger_actors.store.model import RecordedEvent, Snapshot

if TYPE_CHECKING:
    from ledger_actors.runtime.aggregate import Aggregate

__all__ = ["latest_snapshot", "save_snapshot", "short_state", "snapshot_payload", "state_at"]

log = structlog.get_logger()


def state_at(
    system: System, cls: type[Aggregate[Any]], identity: str, event_id: int | None = None
) -> Stand:
    """Return the state of an aggregate as it was when event `event_id` was the last; from disk.

    Runs in the caller's thread and reads the store only: it works for any aggregate, running or
    not, and disturbs none.

    Raises:
        NoSuchStream: it had no events then.
        EventIdInFuture: there is no such event yet.
    """
    stream = cls.stream(identity)
    state, version = cls.initial_state, 0
    found = latest_snapshot(system, cls, stream, up_to_id=event_id)
    if found is not None:
        state, version = found.state, found.version
    for row in _rows(system, stream, version, event_id):
        for event in system.events.decode(row):
            state = cls.evolve(state, event)
        version = row.version
    if version == 0:
        raise NoSuchStream(stream, event_id)
    return Stand(state, version)


def short_state(
    system: System, cls: type[Aggregate[Any]], identity: str, *, most: int
) -> Stand | None:
    """Return the state of an aggregate on disk, if it takes at most so many events to make it.

    `None`: it has more of them, or it cannot be read. Runs in the caller's thread.
    """
    stream, state = cls.stream(identity), cls.initial_state
    try:
        version = system.store.stream_version(stream)
        if version > most:
            return None
        for row in _rows(system, stream, 0, None) if version else ():
            for event in system.events.decode(row):
                state = cls.evolve(state, event)
            version = row.version
    except (StoreError, LedgerRuntimeError):
        return None
    return Stand(state, version)


def _rows(
    system: System, stream: str, version: int, event_id: int | None
) -> Iterator[RecordedEvent]:
    return system.store.read_stream(
        stream,
        after_version=version,
        up_to_id=event_id,
        batch_size=system.options.read_batch,
    )


def latest_snapshot(
    system: System, cls: type[Aggregate[Any]], stream: str, *, up_to_id: int | None = None
) -> Stand | None:
    """Return the state of the latest snapshot of today's form, or `None`."""
    wanted = cls.snapshot_version
    found = system.store.load_snapshot(stream, up_to_id=up_to_id, schema_version=wanted)
    if found is None:
        return None
    try:
        state = decoder_of(_state_type(cls))(found.payload)
    except msgspec.MsgspecError as error:
        reason = str(error)
        log.warning("aggregate.snapshot_left_out", stream=stream, reason=reason)
        return None
    return Stand(state, found.version)


def save_snapshot(
    system: System, cls: type[Aggregate[Any]], stream: str, stand: Stand, *, event_id: int
) -> None:
    """Keep a state that event `event_id` led to; where it cannot be kept, say so and go on."""
    told = log.bind(stream=stream, event_id=event_id)
    try:
        payload = snapshot_payload(cls, stand.state)
    except ValueError as problem:
        told.warning("aggregate.no_snapshot", reason=str(problem))
        return
    form = (cls.category, cls.snapshot_version)
    try:
        system.store.save_snapshot(Snapshot(stream, stand.version, event_id, *form, payload))
    except OSError as problem:  # it costs time at the next start, and nothing else
        told.warning("aggregate.snapshot_failed", reason=str(problem))


def snapshot_payload(cls: type[Aggregate[Any]], state: Any) -> str:
    """Return a state as JSON from which the same state can be made again; pure.

    Raises:
        ValueError: it cannot; the sentence says why.
    """
    try:
        payload = msgspec.json.encode(state)
        same = decoder_of(_state_type(cls))(payload) == state
    except (msgspec.MsgspecError, TypeError, ArithmeticError) as error:
        raise ValueError(str(error)) from error
    if not same:
        msg = "it comes back as something else: give `state_type`"
        raise ValueError(msg)
    return payload.decode()


def _state_type(cls: type[Aggregate[Any]]) -> Any:
    return cls.state_type or type(cls.initial_state)
