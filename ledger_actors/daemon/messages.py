"""Messages to actors on the wire: what `ledger.actor(...).tell` and `.ask` may send.

A message is a command, `{"type": NAME, "data": {...}}`, which an aggregate decides as one that
comes through the door; one of the runtime's own messages below, `{"$message": NAME, ...fields}`; or
any other JSON value, which the actor gets as it is. (Our own actors log and ignore what is no
message of theirs; somebody's own actor may want it.) In process any object may be sent.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec

from ledger_actors.daemon.errors import BadRequest
from ledger_actors.daemon.protocol import EventRecord
from ledger_actors.daily_cycler import Look
from ledger_actors.json_decoders import convert
from ledger_actors.runtime.aggregate_messages import ReadAhead, ReadState
from ledger_actors.runtime.command_catalog import Command, command_name
from ledger_actors.runtime.consumer_messages import ReadPosition, WaitFor
from ledger_actors.runtime.delivery import Delivery
from ledger_actors.runtime.projector import Rebuild
from ledger_actors.store.model import RecordedEvent
from supervision.administration import CountChildren, WhichChildren

TAG = "$message"

MESSAGES: Mapping[str, type] = {
    kind.__name__: kind
    for kind in (
        ReadState,
        ReadAhead,
        ReadPosition,
        WaitFor,
        Rebuild,
        Look,
        Delivery,
        RecordedEvent,
        WhichChildren,
        CountChildren,
    )
}
"""The messages of our behaviours, by name."""


def wire_message(message: Any) -> Any:
    """The JSON form of a message; the value itself where it is none that has one."""
    if isinstance(message, Command):
        return {"type": command_name(type(message)), "data": msgspec.to_builtins(message)}
    if isinstance(message, EventRecord):
        message = as_recorded(message)
    name = type(message).__name__
    if isinstance(message, RecordedEvent):  # as JSON it is an array
        return {TAG: name, **msgspec.structs.asdict(message)}
    if MESSAGES.get(name) is type(message):
        return {TAG: name, **msgspec.to_builtins(message)}
    return message


def actor_message(wire: Any) -> Any:
    """The message that its JSON form means.

    Raises:
        BadRequest: it names a message that there is not, or its fields are wrong.
    """
    if not (isinstance(wire, Mapping) and TAG in wire):
        return wire
    kind = MESSAGES.get(str(wire[TAG]))
    if kind is None:
        raise BadRequest(f"there is no message {wire[TAG]!r}; there is {', '.join(MESSAGES)}")
    fields: Any = {key: value for key, value in wire.items() if key != TAG}
    try:
        if kind is RecordedEvent:
            fields = [fields[name] for name in RecordedEvent.__struct_fields__]
        return convert(fields, kind)
    except KeyError as missing:
        raise BadRequest(f"{wire[TAG]}: Object missing required field {missing}") from None
    except msgspec.ValidationError as wrong:
        raise BadRequest(f"{wire[TAG]}: {wrong}") from None


def is_command(message: Any) -> bool:
    """Whether a message has the form of a command."""
    if not isinstance(message, Mapping) or TAG in message:
        return False
    return isinstance(message.get("type"), str)


def answer_as_json(answer: Any) -> Any:
    """What an actor answered, as JSON values; what has no JSON form as its text."""
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        return {f.name: answer_as_json(getattr(answer, f.name)) for f in dataclasses.fields(answer)}
    if isinstance(answer, list | tuple):
        return [answer_as_json(one) for one in answer]
    return msgspec.to_builtins(answer, enc_hook=str)


def as_recorded(event: EventRecord) -> RecordedEvent:
    """An event as the door shows it, as the store's own; without its hash."""
    return RecordedEvent(
        event.id,
        event.stream,
        event.version,
        event.type,
        event.schema_version,
        bytes(event.payload).decode(),
        event.author,
        event.correlation_id,
        event.causation_id,
        event.command_id,
        event.command_index or 0,
        event.recorded_at,
        "",
    )


def as_record(row: RecordedEvent) -> EventRecord:
    """An event of the store as the door shows it."""
    return EventRecord(
        row.id,
        row.stream,
        row.version,
        row.type,
        row.schema_version,
        msgspec.Raw(row.payload.encode()),
        row.recorded_at,
        row.author,
        row.correlation_id,
        row.causation_id,
        row.command_id,
        row.command_index,
    )
