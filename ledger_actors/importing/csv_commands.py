"""The rows of a mapped file as commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from ledger_actors.importing.columns import BadField, Rule, field_value
from ledger_actors.importing.command_ids import CommandIds
from ledger_actors.importing.csv_rows import Row, RowOrProblem, read_rows
from ledger_actors.importing.mapping import FileSection
from ledger_actors.importing.records import BadLine, CommandLine, Record


def read_csv_commands(
    file: BinaryIO, section: FileSection, source: str, *, batch: str = ""
) -> Iterator[Record]:
    """Each row as a command or as what is wrong with it.

    The file has every column that the section reads (sources.py has looked). A row's command id
    is its id column, with the prefix, or else made from its content (command_ids.py).
    """
    to_command = _CommandFromRow(section, CommandIds(batch))
    for row in read_rows(file, section.dialect()):
        yield _record(row, source, to_command)


class _CommandFromRow:
    def __init__(self, section: FileSection, ids: CommandIds) -> None:
        self._type = section.command
        self._rules = section.rules()
        self._id_rule = section.id_rule()
        self._ids = ids

    def __call__(self, row: Row) -> dict[str, Any]:
        values = {field: _value(field, rule, row) for field, rule in self._rules.items()}
        data = {field: value for field, value in values.items() if value is not None}
        command: dict[str, Any] = {"type": self._type, "data": data}
        command["command_id"] = self._id(row, command)
        return command

    def _id(self, row: Row, command: dict[str, Any]) -> str:
        rule = self._id_rule
        found: str | None = None if rule is None else _value("id", rule, row)
        if rule is None or found is None:
            return self._ids.next_for(command)
        if found == rule.prefix:
            raise BadField(f"id: column {rule.sources()[0]!r} is empty")
        return found


def _value(field: str, rule: Rule, row: Row) -> Any:
    try:
        return field_value(rule, row.fields)
    except BadField as error:
        raise BadField(f"{field}: {error}") from error


def _record(row: RowOrProblem, source: str, to_command: _CommandFromRow) -> Record:
    if not isinstance(row, Row):
        return BadLine(source, row.number, row.end, row.problem)
    try:
        command = to_command(row)
    except BadField as error:
        return BadLine(source, row.number, row.end, str(error))
    return CommandLine(source, row.number, row.end, command)
