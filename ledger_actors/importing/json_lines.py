"""JSON Lines: one command a line, in the form that the ledger's door takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from ledger_actors.importing.command_ids import CommandIds
from ledger_actors.importing.lines import Line, TextLine, read_lines
from ledger_actors.importing.records import BadLine, CommandLine, Record


class _Wire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    type: str
    data: dict[str, Any]
    command_id: str | None = None
    author: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


_decoder = msgspec.json.Decoder(_Wire)


def read_json_lines(file: BinaryIO, source: str, batch: str = "") -> Iterator[Record]:
    """Each line as a command or as what is wrong with it; blank lines are passed over.

    A line without a `command_id` gets one that the same file gives again (command_ids.py).
    """
    ids = CommandIds(batch)
    for line in read_lines(file):
        record = _record(line, source, ids)
        if record is not None:
            yield record


def _record(line: Line, source: str, ids: CommandIds) -> Record | None:
    if not isinstance(line, TextLine):
        return BadLine(source, line.number, line.end, line.problem)
    if not line.text.strip():
        return None
    try:
        wire = _decoder.decode(line.text)
    except msgspec.ValidationError as error:
        return BadLine(source, line.number, line.end, f"not a command: {error}")
    except msgspec.DecodeError as error:
        return BadLine(source, line.number, line.end, f"not JSON, or torn: {error}")
    except RecursionError:
        return BadLine(source, line.number, line.end, "not a command: nested too deeply")
    command: dict[str, Any] = msgspec.to_builtins(wire)
    if wire.command_id is None:
        command["command_id"] = ids.next_for(command)
    return CommandLine(source, line.number, line.end, command)
