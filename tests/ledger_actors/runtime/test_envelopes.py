"""A command on the wire: what it may be, and what tells a repeat from another command."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_actors.runtime import (
    MAX_COMMAND_BYTES,
    Command,
    CommandCatalog,
    InvalidCommand,
    UnknownCommand,
    decode_envelope,
    envelope,
)

CATALOG = CommandCatalog()


@CATALOG.define("Greet")
class Greet(Command, frozen=True):
    name: str
    times: int = 1


def test_the_wire_form_has_what_goes_with_a_command() -> None:
    raw = (
        b'{"type":"Greet","data":{"name":"Ada"},"command_id":"c-1","author":"me",'
        b'"correlation_id":"talk","causation_id":"17"}'
    )
    told = decode_envelope(raw, CATALOG)

    assert told == envelope(
        Greet("Ada"), command_id="c-1", author="me", correlation_id="talk", causation_id="17"
    )
    assert told.repeatable


def test_a_command_without_an_id_gets_a_new_one_that_nobody_has_used() -> None:
    first, second = (
        decode_envelope(b'{"type":"Greet","data":{"name":"a"}}', CATALOG) for _ in "ab"
    )

    assert first.command_id != second.command_id
    assert not first.repeatable


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"hello", "this is no JSON"),
        (b"", "this is no JSON"),
        (b"\xff\xfe", "this is no JSON"),
        (b'{"type":"Greet","data":{"name":NaN}}', "this is no JSON"),
        (b"[]", "a command is"),
        (b'{"data":{}}', "missing required field `type`"),
        (b'{"type":"Greet","id":1}', "unknown field `id`"),
        (b'{"type":"Greet","command_id":""}', r"length >= 1 - at `\$\.command_id`"),
        (b'{"type":"Greet","author":"' + b"a" * 201 + b'"}', r"length <= 200 - at `\$\.author`"),
        (b'{"type":"Greet","author":"a\\u0000"}', r"without control characters - at `\$\.author`"),
        (b'{"type":"Greet","command_id":"a\\n"}', r"without control characters"),
        (b'{"type":"\\ud800"}', r"\\ud800 is half a character: its other half must follow it"),
        (b'{"type":"' + b"x" * 100_000 + b'"}', r"there is no command 'x{200}'$"),
        (b'{"type":"Greet","data":{}}', "Greet: .*`name`"),
        (b'{"type":"Greet"}', "Greet: .*`name`"),
        (b'{"type":"Greet","data":{"name":"\xff"}}', "Greet|JSON"),
        (b'{"type":"Greet","data":' + b"[" * 99_999 + b"]" * 99_999 + b"}", "Greet|nested"),
        (b" " * (MAX_COMMAND_BYTES + 1), "may have 1048576 bytes"),
    ],
)
def test_what_is_no_command_is_told_why(raw: bytes, sentence: str) -> None:
    with pytest.raises(InvalidCommand, match=sentence):
        decode_envelope(raw, CATALOG)


def test_an_unknown_command_is_one_of_them() -> None:
    with pytest.raises(UnknownCommand, match="Greet"):
        decode_envelope(b'{"type":"Gret"}', CATALOG)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Greet("Ada"), True),
        (Greet("Ada", 1), True),
        (Greet("Ada", 2), False),
        (Greet("Bob"), False),
    ],
)
def test_a_fingerprint_tells_commands_apart_and_not_their_spelling(other: Any, same: bool) -> None:
    assert (envelope(Greet("Ada")).fingerprint() == envelope(other).fingerprint()) is same


def test_a_field_that_a_later_release_adds_keeps_the_fingerprint() -> None:
    later = CommandCatalog()

    @later.define("Greet")
    class GreetOfLater(Command, frozen=True):
        name: str
        times: int = 1
        loudly: bool = False

    assert envelope(GreetOfLater("Ada")).fingerprint() == envelope(Greet("Ada")).fingerprint()
