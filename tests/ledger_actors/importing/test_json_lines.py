from __future__ import annotations

import io
import json

import pytest

from ledger_actors.importing.json_lines import read_json_lines
from ledger_actors.importing.records import BadLine, CommandLine, Record

COFFEE = '{"type": "Pay", "data": {"to": "café", "amount": "3.50"}}'


def _read(*lines: str | bytes, batch: str = "") -> list[Record]:
    raw = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines)
    return list(read_json_lines(io.BytesIO(raw), "file.jsonl", batch))


def _ids(records: list[Record]) -> list[str]:
    return [one.command["command_id"] for one in records if isinstance(one, CommandLine)]


def test_a_line_is_a_command_in_the_form_of_the_door() -> None:
    line = {"type": "Pay", "data": {"amount": "3.50"}, "command_id": "c1", "author": "ada"}

    assert _read(json.dumps(line)) == [CommandLine("file.jsonl", 1, 80, line)]


def test_a_line_without_an_id_gets_the_same_one_again() -> None:
    """Whatever the file is called, and whatever was put between its lines."""
    before = _ids(_read(COFFEE))
    after = _ids(_read("", '{"type": "Other", "data": {}}', COFFEE))

    assert before == after[1:]


def test_equal_lines_are_different_commands() -> None:
    assert len(set(_ids(_read(COFFEE, COFFEE, COFFEE)))) == 3


def test_the_order_of_keys_and_blanks_say_nothing() -> None:
    reordered = '{"data":{"amount":"3.50","to":"café"},"type":"Pay"}'

    assert _ids(_read(COFFEE)) == _ids(_read(reordered))


def test_a_batch_name_tells_equal_lines_of_two_files_apart() -> None:
    assert _ids(_read(COFFEE, batch="monday")) != _ids(_read(COFFEE, batch="tuesday"))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"type": "Pay", "da', "not JSON, or torn: Input data was truncated"),
        ("pay 3.50", "not JSON, or torn: JSON is malformed: invalid character (byte 0)"),
        ('{"type": "P", "data": {"a": NaN}}', "not JSON, or torn: JSON is malformed"),
        ('{"type": "P", "data": {"a": 1e9999}}', "not a command: Number out of range"),
        ("[]", "not a command: Expected `object`, got `array`"),
        ('{"data": {}}', "not a command: Object missing required field `type`"),
        (
            '{"type": "P", "data": []}',
            "not a command: Expected `object`, got `array` - at `$.data`",
        ),
        ('{"type": "P", "data": {}, "id": 1}', "not a command: Object contains unknown field `id`"),
        (b'{"type": "P", "data": {"to": "caf\xe9"}}', "not utf-8: byte 34 is 0xe9"),
    ],
)
def test_a_bad_line_is_told_with_its_number_and_does_not_stop_the_rest(
    line: str | bytes, problem: str
) -> None:
    first, bad, last = _read(COFFEE, line, COFFEE)

    assert isinstance(bad, BadLine)
    assert (bad.number, bad.problem[: len(problem)]) == (2, problem)
    assert isinstance(first, CommandLine)
    assert isinstance(last, CommandLine)
