"""A command on its way, with what is known of it: who sent it, under which id, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Annotated, Any

import msgspec

from ledger_actors.command_ids import new_command_id
from ledger_actors.runtime.command_catalog import COMMANDS, Command, CommandCatalog, command_name
from ledger_actors.runtime.errors import InvalidCommand
from ledger_actors.store.model import Append, Guard, RecordedEvent, StreamWrite

__all__ = [
    "MAX_COMMAND_BYTES",
    "CommandEnvelope",
    "Outcome",
    "decode_envelope",
    "envelope",
]

MAX_COMMAND_BYTES = 1024 * 1024

_PRINTABLE = r"\A[^\x00-\x1f\x7f]*\Z"
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=_PRINTABLE)]

_HALF_A_CHARACTER = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")


class CommandEnvelope(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A command and its metadata.

    `repeatable`: the id was given by whoever sends, so it may have been seen before; one that the
    runtime made itself is new.
    """

    command: Command
    command_id: str
    repeatable: bool = True
    author: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None

    @property
    def type(self) -> str:
        """The command's stable name."""
        return command_name(type(self.command))

    def append(
        self,
        fingerprint: str,
        writes: tuple[StreamWrite, ...],
        guards: tuple[Guard, ...],
        rests_on: tuple[str, ...],
        unseen_since: int | None,
    ) -> Append:
        """Return an `Append` with what is known of the command."""
        command_id = self.command_id
        return Append(
            writes,
            guards,
            command_id,
            fingerprint,
            self.author,
            self.correlation_id or command_id,
            self.causation_id or command_id,
            None,
            rests_on,
            unseen_since,
        )

    def log_fields(self) -> dict[str, object]:
        """Return what a log event about this command carries."""
        return {
            "command": self.type,
            "command_id": self.command_id,
            "correlation_id": self.correlation_id or self.command_id,
        }

    def fingerprint(self) -> str:
        """Return a digest of type and fields: what tells a repeat from another command."""
        command = self.command
        return sha256(_name_part(type(command)) + _encode(command)).hexdigest()[:32]


@cache
def _name_part(cls: type[Command]) -> bytes:
    return command_name(cls).encode() + b"\0"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What a command led to: its events; `duplicate` if it had been done before."""

    command_id: str
    events: Sequence[RecordedEvent]
    duplicate: bool = False


class _Wire(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    command_id: Label | None = None
    author: Label | None = None
    correlation_id: Label | None = None
    causation_id: Label | None = None


_decode = msgspec.json.Decoder(_Wire).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def envelope(command: Command, *, command_id: str | None = None, **told: Any) -> CommandEnvelope:
    """Return an envelope around a command; without an id it gets a new one."""
    return CommandEnvelope(
        command=command,
        command_id=command_id or new_command_id(),
        repeatable=command_id is not None,
        **told,
    )


def decode_envelope(raw: bytes, catalog: CommandCatalog = COMMANDS) -> CommandEnvelope:
    """Return the command in `{"type": ..., "data": {...}, "command_id": ...}`; in any thread.

    Raises:
        UnknownCommand: there is no such command.
        InvalidCommand: it is no JSON, too long, or a field is missing, unknown or wrong.
    """
    if len(raw) > MAX_COMMAND_BYTES:
        msg = f"a command may have {MAX_COMMAND_BYTES} bytes, this one has {len(raw)}"
        raise InvalidCommand(msg)
    try:
        wire = _decode(raw)
    except msgspec.ValidationError as error:
        msg = f'a command is {{"type": NAME, "data": {{...}}}}: {_in_words(error)}'
        raise InvalidCommand(msg) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"this is no JSON: {_half_a_character(raw) or error}"
        raise InvalidCommand(msg) from error
    except RecursionError as error:
        msg = "this is no command: it is nested too deeply"
        raise InvalidCommand(msg) from error
    return envelope(
        catalog.decode(wire.type, wire.data),
        command_id=wire.command_id,
        author=wire.author,
        correlation_id=wire.correlation_id,
        causation_id=wire.causation_id,
    )


def _in_words(error: msgspec.ValidationError) -> str:
    return str(error).replace(f"matching regex {_PRINTABLE!r}", "without control characters")


def _half_a_character(raw: bytes) -> str | None:
    """What is wrong where msgspec says that the data was truncated."""
    half = _HALF_A_CHARACTER.search(raw)
    return half and f"{half[0].decode()} is half a character: its other half must follow it"
