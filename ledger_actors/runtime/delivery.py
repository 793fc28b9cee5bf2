"""What a consumer is told after a commit, and what it makes of it; pure.

A delivery covers a range of ids without a gap, (after, up_to], and carries those events of it that
the consumer wants. So a filter never makes a gap, and a consumer that has seen everything up to
`after` has, when it is done, seen everything up to `up_to`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ledger_actors.runtime.catalog import EventCatalog
from ledger_actors.runtime.errors import MissedEventError
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.runtime.recorded import Recorded, decode_recorded
from ledger_actors.store.model import RecordedEvent

__all__ = ["Delivery", "as_delivery", "read_as", "unseen"]


class Delivery(msgspec.Struct, frozen=True):
    """The wanted events among those with ids above `after`, up to and with `up_to`.

    `hash` is that of event `up_to`, empty where it is not at hand. `decoded` has, by id, what rows
    are read as: whoever is the first to decode one puts it there, for all who are told of it.
    """

    after: int
    up_to: int
    events: Sequence[RecordedEvent]
    hash: str = ""
    decoded: dict[int, tuple[Recorded, ...]] = msgspec.field(default_factory=dict)


def as_delivery(message: object) -> Delivery | None:
    """Return a message as a delivery, a bare event as one of itself; `None` if it is neither."""
    if isinstance(message, Delivery):
        return message
    if isinstance(message, RecordedEvent):
        return Delivery(message.id - 1, message.id, (message,), message.hash)
    return None


def unseen(consumer: str, position: int, delivery: Delivery) -> Sequence[RecordedEvent] | None:
    """Return the events that a consumer at `position` has not seen; `None`: it has seen them all.

    Raises:
        MissedEventError: the delivery begins behind the next event.
    """
    if delivery.up_to <= position:
        return None
    if delivery.after > position:
        raise MissedEventError(consumer, position + 1, delivery.after + 1)
    if delivery.after == position:
        return delivery.events
    return tuple(row for row in delivery.events if row.id > position)


def read_as(
    row: RecordedEvent,
    decoded: dict[int, tuple[Recorded, ...]],
    catalog: EventCatalog,
    wanted: EventFilter,
) -> Sequence[Recorded]:
    """Return what a row is read as, as far as it is `wanted`; raises as `EventCatalog.decode`.

    `decoded` has what others have decoded, and is added to.
    """
    found = decoded.get(row.id)
    if found is None:
        found = decoded[row.id] = decode_recorded(row, catalog)
    if len(found) == 1 and found[0].type == row.type:
        return found
    wants = wanted.wants_type
    return [one for one in found if wants(one.type) or wants(row.type)]
