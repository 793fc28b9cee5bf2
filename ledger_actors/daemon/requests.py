"""What a person writes as a command, made into a request: a name and fields, a struct, a dict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from ledger_actors.daemon.connection import CommandRequest
from ledger_actors.daemon.errors import InvalidCommand
from ledger_actors.runtime.command_catalog import Command, command_name

Sendable = str | Command | Mapping[str, Any]
"""A command's name (its fields beside it), a command, or the wire form as a dict."""

_EXAMPLE = '{"type": "OpenAccount", "data": {"account_uuid": "a-1", "company_uuid": "acme"}}'

_encode = msgspec.json.Encoder().encode
_KNOWN = frozenset(CommandRequest.__struct_fields__)


def command_request(command: Sendable, fields: Mapping[str, Any], **told: Any) -> CommandRequest:
    """The request for it. `told` is command_id, author, correlation_id, causation_id.

    Raises:
        InvalidCommand: it is none of the three, or a value in it has no JSON form.
    """
    if isinstance(command, Mapping):
        return _from_wire(command)
    if isinstance(command, str):
        return CommandRequest(command, raw(fields), **told)
    if isinstance(command, Command):
        if fields:
            raise InvalidCommand(f"{type(command).__name__} is complete; it takes no more fields")
        return CommandRequest(command_name(type(command)), raw(command), **told)
    raise InvalidCommand(
        "a command is its name with fields, a command struct, or a dict such as "
        f"{_EXAMPLE}; not {command!r:.80}"
    )


def _from_wire(wire: Mapping[str, Any]) -> CommandRequest:
    if not wire.keys() <= _KNOWN or "type" not in wire:
        unknown = [name for name in wire if name not in _KNOWN]
        what = f"no {unknown[0]!r}" if unknown else "a 'type'"
        known = ", ".join(CommandRequest.__struct_fields__)
        raise InvalidCommand(f"a command as a dict has {what}; it may have {known}")
    return CommandRequest(**{**wire, "data": raw(wire.get("data", {}))})


def raw(value: object) -> msgspec.Raw:
    """The JSON of it. A float that is no number has none: msgspec writes null for it."""
    try:
        encoded = _encode(value)
        if b"null" in encoded and not _finite(value):
            raise ValueError("NaN and Infinity are no JSON")
        return msgspec.Raw(encoded)
    except (TypeError, ValueError, OverflowError, RecursionError) as wrong:
        raise InvalidCommand(f"this cannot be sent as JSON: {wrong}") from None


def _finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(map(_finite, value.values()))
    return not isinstance(value, list | tuple) or all(map(_finite, value))
