"""Events by their stable names.

A class name is never stored: an event is written under the name and schema version that its
decorator gives, so that classes can be renamed and payloads can change. What is stored stays as it
is for ever, and is read as what the program knows today:

- a new form of the payload is a new `version`, with an upcaster from each earlier one;
- a new name is a `name` with the old one among `formerly`;
- an event that has become another, or several, or none, is declared by `EventCatalog.replace`.

So one stored event is read as any number of events. They share its id and its place in the stream:
whoever takes it in takes in all of them or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeVar

import msgspec

from ledger_actors.runtime.errors import (
    DuplicateName,
    FutureSchemaVersion,
    InvalidEvent,
    UnknownEventType,
)
from ledger_actors.store.model import NewEvent, RecordedEvent

__all__ = [
    "EVENTS",
    "Event",
    "EventCatalog",
    "Form",
    "Replacer",
    "Upcaster",
    "claim",
    "event",
    "event_name",
]

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
Replacer = Callable[[dict[str, Any], int], "Iterable[Form]"]
E = TypeVar("E", bound="type[Event]")

_encode = msgspec.json.Encoder().encode


class Event(msgspec.Struct, frozen=True, gc=False):
    """Root of all events: something that has happened, as a frozen value.

    The garbage collector does not look at events: what they hold must not hold them.
    """

    event_type: ClassVar[str] = ""
    event_version: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class Form:
    """An event as it might be stored: what a replaced event is read as.

    With its schema version, so that it need not be touched when that type moves on.
    """

    type: str
    payload: dict[str, Any]
    version: int = 1


@dataclass(frozen=True, slots=True)
class _Replaced:
    version: int
    into: tuple[str, ...]
    by: Replacer


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
        self._replaced: dict[str, _Replaced] = {}

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
            ValueError: a version is below 1, a step to `version` is missing, or a name is replaced.
        """
        for known_as in (name, *formerly):
            self._ensure_not_replaced(known_as)
        steps = dict(upcasters or {})
        missing = [step for step in range(1, version) if step not in steps]
        if version < 1 or missing:
            msg = f"event {name!r} version {version} needs upcasters from versions {missing or '1'}"
            raise ValueError(msg)

        def decorate(cls: E) -> E:
            cls.event_type, cls.event_version = name, version
            decoder = msgspec.json.Decoder(cls)
            for known_as in (name, *formerly):
                claim("event", known_as, self._known(known_as), cls)
                self._types[known_as] = _EventType(name, cls, version, decoder, steps)
            return cls

        return decorate

    def replace(
        self, name: str, *, into: Iterable[str] = (), by: Replacer, version: int = 1
    ) -> None:
        """Have events that are stored under `name`, which has no class any more, read as others.

        Args:
            name: the old stable name.
            into: the names of the events that it may be read as: who wants one of those is given
                this one. None for an event that is dropped.
            by: from a payload and its schema version to what it is read as, in order.
            version: the last one that was stored under this name.

        Raises:
            ValueError: the name is in use, or replaced already.
        """
        self._ensure_not_replaced(name)
        if name in self._types:
            msg = f"event {name!r} has a class: it cannot be replaced as well"
            raise ValueError(msg)
        self._replaced[name] = _Replaced(version, tuple(into), by)

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

    def decode(self, recorded: RecordedEvent) -> tuple[Event, ...]:
        """Return what a stored row is read as: as a rule one event, in today's form.

        Raises:
            UnknownEventType: no class has the name, and it was not replaced.
            FutureSchemaVersion: the row is newer than the class.
            InvalidEvent: the payload does not fit.
        """
        known = self._types.get(recorded.type)
        try:
            if known is not None and known.version == recorded.schema_version:
                return (known.decoder.decode(recorded.payload),)
            self._newest(recorded.type, recorded.schema_version, recorded)
            payload = msgspec.json.decode(recorded.payload, type=dict)
            return self._read(Form(recorded.type, payload, recorded.schema_version), recorded)
        except msgspec.DecodeError as error:
            msg = f"{_place(recorded)} cannot be read: {error}"
            raise InvalidEvent(msg) from error

    def aliases(self, wants: Callable[[str], bool]) -> tuple[str, ...]:
        """Return the other names under which events are stored that are read as wanted ones."""
        stored = (*self._types, *self._replaced)
        return tuple(name for name in stored if any(map(wants, self._read_as(name) - {name})))

    def __len__(self) -> int:
        """Return how many names are known, of today and of earlier days."""
        return len(self._types) + len(self._replaced)

    def forms(self) -> list[tuple[str, type[Event]]]:
        """Return today's forms, as "NAME/VERSION", and what each is read as."""
        known = self._types.items()
        return [(f"{one.name}/{one.version}", one.cls) for name, one in known if name == one.name]

    def names(self) -> list[str]:
        """Return the known names, sorted."""
        return sorted(self._types)

    def knows(self, name: str) -> bool:
        """Return whether events that are stored under `name` can be read, in one form at least."""
        return name in self._types or name in self._replaced

    def _newest(self, name: str, version: int, recorded: RecordedEvent) -> _EventType | _Replaced:
        newest = self._types.get(name) or self._replaced.get(name)
        if newest is None:
            raise UnknownEventType(name, recorded.id)
        if version > newest.version:
            raise FutureSchemaVersion(name, recorded.id, version, newest.version)
        return newest

    def _read(self, form: Form, recorded: RecordedEvent) -> tuple[Event, ...]:
        newest = self._newest(form.type, form.version, recorded)
        if isinstance(newest, _EventType):
            return (_brought_up(form, newest, recorded),)
        replaced = partial(_replacement, newest.by, form)
        forms: list[Form] = _attempt(replaced, recorded, "what replaces it")
        return tuple(event for one in forms for event in self._read(one, recorded))

    def _read_as(self, name: str) -> set[str]:
        """Return the names, as they are today, of what is stored under `name`."""
        replaced = self._replaced.get(name)
        if replaced is not None:
            return {today for into in replaced.into for today in self._read_as(into)}
        known = self._types.get(name)
        return set() if known is None else {known.name}

    def _ensure_not_replaced(self, name: str) -> None:
        if name in self._replaced:
            msg = f"event {name!r} is replaced already: a name has one meaning"
            raise ValueError(msg)

    def _known(self, name: str) -> type | None:
        known = self._types.get(name)
        return None if known is None else known.cls


EVENTS = EventCatalog()
"""The catalog that `@event` fills."""


def event(
    name: str,
    *,
    version: int = 1,
    formerly: tuple[str, ...] = (),
    upcasters: Mapping[int, Upcaster] | None = None,
) -> Callable[[E], E]:
    """Give an `Event` class its stable name in the program's catalog; see `EventCatalog.define`."""
    return EVENTS.define(name, version=version, formerly=formerly, upcasters=upcasters)


def event_name(cls: type[Event]) -> str:
    """Return the stable name of an event class; empty if it has none."""
    return cls.event_type


def _brought_up(form: Form, known: _EventType, recorded: RecordedEvent) -> Event:
    payload = form.payload
    for version in range(form.version, known.version):
        step = partial(known.upcasters[version], payload)
        payload = _attempt(step, recorded, f"the upcaster from version {version}")
    return msgspec.convert(payload, known.cls, strict=False)


def _attempt(step: Callable[[], Any], recorded: RecordedEvent, what: str) -> Any:
    try:
        return step()
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        msg = f"{_place(recorded)}: {what} failed: {error!r}"
        raise InvalidEvent(msg) from error


def _replacement(by: Replacer, form: Form) -> list[Form]:
    return list(by(form.payload, form.version))


def _place(recorded: RecordedEvent) -> str:
    return f"event {recorded.id} ({recorded.type})"


def claim(kind: str, name: str, first: type | None, second: type) -> None:
    """Return if `second` may have a stable name that is `first`'s.

    Raises:
        DuplicateName: it is another class, and not the same one loaded once more.
    """
    same = first is not None and (first.__module__, first.__qualname__) == (
        second.__module__,
        second.__qualname__,
    )
    if first is not None and not same:
        raise DuplicateName(kind, name, first, second)
