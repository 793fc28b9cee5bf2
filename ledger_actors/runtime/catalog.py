"""Events and commands by their stable names.

A class name is never stored: an event is written under the name and schema version that its
decorator gives, so that classes can be renamed and payloads can change. An older payload is brought
up step by step by its upcasters before it is decoded.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import msgspec

from ledger_actors.runtime.errors import (
    DuplicateName,
    FutureSchemaVersion,
    InvalidCommand,
    InvalidEvent,
    UnknownCommand,
    UnknownEventType,
)
from ledger_actors.store.model import NewEvent, RecordedEvent

__all__ = [
    "COMMANDS",
    "EVENTS",
    "Command",
    "CommandCatalog",
    "Event",
    "EventCatalog",
    "Upcaster",
    "command",
    "command_name",
    "event",
    "event_name",
]

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
E = TypeVar("E", bound="type[Event]")
C = TypeVar("C", bound="type[Command]")

_encode = msgspec.json.Encoder().encode


class Event(msgspec.Struct, frozen=True):
    """Root of all events: something that has happened, as a frozen value."""

    event_type: ClassVar[str] = ""
    event_version: ClassVar[int] = 0


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Root of all commands: something that somebody wants done.

    What is left at its default is not written: a field with a default that a later release adds
    does not make another command of one that is repeated under its id.
    """

    command_type: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class _EventType:
    name: str
    cls: type[Event]
    version: int
    decoder: Any
    upcasters: Mapping[int, Upcaster]


class EventCatalog:
    """The event types that a program knows."""

    def __init__(self) -> None:
        self._types: dict[str, _EventType] = {}

    def define(
        self,
        name: str,
        *,
        version: int = 1,
        formerly: tuple[str, ...] = (),
        upcasters: Mapping[int, Upcaster] | None = None,
    ) -> Callable[[E], E]:
        """Return a decorator that gives an `Event` class its stable name.

        Args:
            name: what is stored, for ever.
            version: of the payload's form, from 1; raised by one with each change of form.
            formerly: names under which older events of this type are stored.
            upcasters: by the version that they take, functions from a payload of that version to
                one of the next.

        Raises:
            DuplicateName: another class has the name.
            ValueError: a version is below 1, or a step to `version` is missing.
        """
        steps = dict(upcasters or {})
        missing = [step for step in range(1, version) if step not in steps]
        if version < 1 or missing:
            msg = f"event {name!r} version {version} needs upcasters from versions {missing or '1'}"
            raise ValueError(msg)

        def decorate(cls: E) -> E:
            cls.event_type, cls.event_version = name, version
            decoder = msgspec.json.Decoder(cls)
            for known_as in (name, *formerly):
                _claim("event", known_as, self._known(known_as), cls)
                self._types[known_as] = _EventType(name, cls, version, decoder, steps)
            return cls

        return decorate

    def encode(self, event: Event) -> NewEvent:
        """Return the stored form of an event.

        Raises:
            InvalidEvent: its class has no stable name.
        """
        cls = type(event)
        if "event_type" not in cls.__dict__:  # an inherited name is another event's
            msg = f"{cls.__qualname__} has no stable name: decorate it with @event(NAME, version=1)"
            raise InvalidEvent(msg)
        return NewEvent(cls.event_type, _encode(event).decode(), cls.event_version)

    def decode(self, recorded: RecordedEvent) -> Event:
        """Return the event of a stored row, brought up to the form that the program knows.

        Raises:
            UnknownEventType: no class has the name.
            FutureSchemaVersion: the row is newer than the class.
            InvalidEvent: the payload does not fit.
        """
        known = self._types.get(recorded.type)
        if known is None:
            raise UnknownEventType(recorded.type, recorded.id)
        if recorded.schema_version > known.version:
            raise FutureSchemaVersion(
                recorded.type, recorded.id, recorded.schema_version, known.version
            )
        try:
            if recorded.schema_version < known.version:
                return self._upcast(recorded, known)
            event: Event = known.decoder.decode(recorded.payload)
        except msgspec.DecodeError as error:
            msg = f"event {recorded.id} ({recorded.type}) cannot be read: {error}"
            raise InvalidEvent(msg) from error
        return event

    def names(self) -> list[str]:
        """Return the known names, sorted."""
        return sorted(self._types)

    def _upcast(self, recorded: RecordedEvent, known: _EventType) -> Event:
        payload: dict[str, Any] = msgspec.json.decode(recorded.payload, type=dict)
        for version in range(recorded.schema_version, known.version):
            try:
                payload = known.upcasters[version](payload)
            except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
                what = f"event {recorded.id} ({recorded.type})"
                msg = f"{what}: the upcaster from version {version} failed: {error!r}"
                raise InvalidEvent(msg) from error
        return msgspec.convert(payload, known.cls, strict=False)

    def _known(self, name: str) -> type | None:
        known = self._types.get(name)
        return None if known is None else known.cls


class CommandCatalog:
    """The commands that a program knows."""

    def __init__(self) -> None:
        self._types: dict[str, type[Command]] = {}

    def define(self, name: str) -> Callable[[C], C]:
        """Return a decorator that gives a `Command` class its stable name.

        Raises:
            DuplicateName: another class has the name.
        """

        def decorate(cls: C) -> C:
            _claim("command", name, self._types.get(name), cls)
            cls.command_type = name
            self._types[name] = cls
            return cls

        return decorate

    def get(self, name: str) -> type[Command]:
        """Return the class of a command.

        Raises:
            UnknownCommand: there is none; the sentence names the nearest.
        """
        cls = self._types.get(name)
        if cls is None:
            near = difflib.get_close_matches(name, self._types, n=1)
            raise UnknownCommand(name, near[0] if near else None)
        return cls

    def decode(self, name: str, data: Mapping[str, Any] | bytes | msgspec.Raw) -> Command:
        """Return a command from its name and its fields, as JSON text or as a dict; strictly.

        Raises:
            UnknownCommand: there is no such command.
            InvalidCommand: a field is missing, unknown or wrong; the sentence names it.
        """
        cls = self.get(name)
        try:
            if isinstance(data, Mapping):
                return msgspec.convert(dict(data), cls)
            return msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            msg = f"{name}: {error}"
            raise InvalidCommand(msg) from error
        except RecursionError as error:
            msg = f"{name}: it is nested too deeply"
            raise InvalidCommand(msg) from error

    def __iter__(self) -> Iterator[type[Command]]:
        """Iterate over the classes in order of name."""
        return iter(cls for _, cls in sorted(self._types.items()))


EVENTS = EventCatalog()
"""The catalog that `@event` fills."""

COMMANDS = CommandCatalog()
"""The catalog that `@command` fills."""


def event(
    name: str,
    *,
    version: int = 1,
    formerly: tuple[str, ...] = (),
    upcasters: Mapping[int, Upcaster] | None = None,
) -> Callable[[E], E]:
    """Give an `Event` class its stable name in the program's catalog; see `EventCatalog.define`."""
    return EVENTS.define(name, version=version, formerly=formerly, upcasters=upcasters)


def command(name: str) -> Callable[[C], C]:
    """Give a `Command` class its stable name in the program's catalog."""
    return COMMANDS.define(name)


def command_name(cls: type[Command]) -> str:
    """Return the stable name of a command class.

    Raises:
        InvalidCommand: it has none.
    """
    if "command_type" not in cls.__dict__:  # an inherited name is another command's
        msg = f"{cls.__qualname__} has no stable name: decorate it with @command(NAME)"
        raise InvalidCommand(msg)
    return cls.command_type


def event_name(cls: type[Event]) -> str:
    """Return the stable name of an event class; empty if it has none."""
    return cls.event_type


def _claim(kind: str, name: str, first: type | None, second: type) -> None:
    same = first is not None and (first.__module__, first.__qualname__) == (
        second.__module__,
        second.__qualname__,
    )
    if first is not None and not same:
        raise DuplicateName(kind, name, first, second)
