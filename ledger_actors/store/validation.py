"""Pure: is an append well formed? Asked before anything is looked up or written.

One append with a field that SQLite or the hash chain cannot take must not fail its neighbours, so
such fields are found here. What the payload says is the caller's business; that it is text is ours.
"""

from __future__ import annotations

from operator import attrgetter

from ledger_actors.store.errors import InvalidAppend
from ledger_actors.store.model import Append, Expected, NewEvent, PositionUpdate

__all__ = ["check", "screen"]

LARGEST_INT = 2**63 - 1
LONGEST_TEXT = 100_000_000

_OPTIONAL_TEXTS = ("command_id", "fingerprint", "author", "correlation_id", "causation_id")
_optional_texts = attrgetter(*_OPTIONAL_TEXTS)


def screen(append: Append) -> Append | InvalidAppend:
    """Return `append` itself if it is well formed, else what is wrong with it."""
    try:
        if not _is_plain(append):
            check(append)
    except InvalidAppend as error:
        return error
    return append


def _is_plain(append: Append) -> bool:
    """Return whether it is what nearly all appends are, seen in few steps; `check` knows the rest.

    Nothing but ASCII, streams at versions, no position.
    """
    if append.position is not None:
        return False
    names = [*append.rests_on]
    texts = [text for text in _optional_texts(append) if text is not None]
    counts = []
    for write in append.writes:
        names.append(write.stream)
        counts.append(write.expected)
        for event in write.events:
            names.append(event.type)
            texts.append(event.payload)
            counts.append(event.schema_version)
    for guard in append.guards:
        names.append(guard.stream)
        counts.append(guard.version)
    try:
        text = "".join((*names, *texts))
    except TypeError:
        return False
    return (
        text.isascii() and len(text) <= LONGEST_TEXT and all(names) and all(map(_is_count, counts))
    )


def check(append: Append) -> None:
    """Return if `append` is well formed.

    Raises:
        InvalidAppend: a field is of the wrong type, empty, or out of range; the sentence names it.
    """
    for name in _OPTIONAL_TEXTS:
        value = getattr(append, name)
        if value is not None:
            _text(name, value)
    for write in append.writes:
        _name("stream", write.stream)
        if not isinstance(write.expected, Expected):
            _count("expected version", write.expected)
        for event in write.events:
            _event(event)
    for guard in append.guards:
        _name("guard stream", guard.stream)
        _count("guard version", guard.version)
    for command_id in append.rests_on:
        _name("rests_on", command_id)
    if append.position is not None:
        _position(append.position)


def _event(event: NewEvent) -> None:
    _name("event type", event.type)
    _text("payload", event.payload)
    _count("schema_version", event.schema_version)


def _position(position: PositionUpdate) -> None:
    _name("consumer", position.consumer)
    _count("position", position.event_id)
    if position.expected is not None:
        _count("expected position", position.expected)
    for parked in () if position.dealt is None else position.dealt.parked:
        for name in ("key", "error", "traceback"):
            _text(f"parked {name}", getattr(parked, name))


def _name(what: str, value: object) -> None:
    _text(what, value)
    if not value:
        msg = f"{what} is empty: it must be a name"
        raise InvalidAppend(msg)


def _text(what: str, value: object) -> None:
    if value.__class__ is str and value.isascii() and len(value) <= LONGEST_TEXT:
        return
    if not isinstance(value, str):
        msg = f"{what} must be text, not {type(value).__name__}"
        raise InvalidAppend(msg)
    if len(value) > LONGEST_TEXT:
        msg = f"{what} has {len(value)} characters: at most {LONGEST_TEXT} can be stored"
        raise InvalidAppend(msg)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        msg = f"{what} is not valid Unicode: {error.reason} at character {error.start}"
        raise InvalidAppend(msg) from error


def _is_count(value: object) -> bool:
    return value.__class__ is int and 0 <= value <= LARGEST_INT


def _count(what: str, value: object) -> None:
    if value.__class__ is not int:
        msg = f"{what} must be an integer, not {type(value).__name__}"
        raise InvalidAppend(msg)
    if not 0 <= value <= LARGEST_INT:
        msg = f"{what} must be from 0 to {LARGEST_INT}, not {value}"
        raise InvalidAppend(msg)
