"""Whether a log is what its commands come to, one after the other: each is decided once more.

Actors decide side by side, ahead of the disk and of each other. What they wrote must all the same
be what comes out where each command is decided on the states as they were just before its first
event. Deciding is pure, so it can be done again: what was decided on what never happened shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ledger_actors.ledger import AGGREGATES, HANDLERS
from ledger_actors.runtime import EVENTS, Aggregate, Command
from ledger_actors.runtime.envelopes import decode_envelope
from supervision import Rejection
from tests.torture.evidence import Event, Evidence, Intent

__all__ = ["commands_are_decided_as_one_by_one"]

Key = tuple[type[Aggregate[Any]], str]
Made = list[tuple[str, str, str]]
"""Stream, type and payload of each event."""

_CATEGORIES = {cls.category: cls for cls in AGGREGATES}
_OWNERS = {kind: (cls, field) for cls in AGGREGATES for kind, field in cls.commands.items()}
_HANDLERS = {cls.command: cls for cls in HANDLERS}


class _States(dict[Key, Any]):
    def __missing__(self, key: Key) -> Any:
        return key[0].initial_state

    def take(self, event: Event, decoded: Sequence[Any]) -> None:
        category, _, identity = event.stream.partition("-")
        cls = _CATEGORIES.get(category)
        if cls is not None:
            for one in decoded:
                self[cls, identity] = cls.evolve(self[cls, identity], one)


def commands_are_decided_as_one_by_one(evidence: Evidence) -> Iterator[str]:
    """Each command in the log has led to what it leads to where it stands in the log."""
    states = _States()
    decided: set[str] = set()
    for event in evidence.events:
        command_id = event.command_id
        intent = None if command_id is None else evidence.intents.get(command_id)
        if intent is not None and intent.id not in decided:
            decided.add(intent.id)
            there = [(one.stream, one.type, one.payload) for one in evidence.by_command[intent.id]]
            if (again := _decided(intent, states)) != there:
                yield f"{intent} has led to {there}; one by one it leads to {again}"
        states.take(event, _read(event))


def _decided(intent: Intent, states: Mapping[Key, Any]) -> Made | str:
    command = _command(intent)
    try:
        if type(command) in _HANDLERS:
            handler = _HANDLERS[type(command)]
            read = {key: states[key] for key in handler.reads(command)}
            return [
                _made(one.stream, event)
                for one in handler.decide(command, read)
                for event in one.events
            ]
        cls, id_field = _OWNERS[type(command)]
        identity = getattr(command, id_field)
        return [
            _made(cls.stream(identity), event)
            for event in cls.decide(states[cls, identity], command)
        ]
    except Rejection as rejection:
        return f"a refusal: {rejection}"


def _command(intent: Intent) -> Command:
    return decode_envelope(msgspec.json.encode({"type": intent.type, "data": intent.data})).command


def _made(stream: str, event: Any) -> tuple[str, str, str]:
    encoded = EVENTS.encode(event)
    return stream, encoded.type, encoded.payload


def _read(event: Event) -> tuple[Any, ...]:
    return EVENTS.decode(_Row(event.type, event.schema_version, event.payload))  # type: ignore[arg-type] # all that is read of a row


class _Row(msgspec.Struct):
    type: str
    schema_version: int
    payload: str
