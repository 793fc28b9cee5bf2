"""The decoders as functions of bytes. Each returns, whatever the bytes; what it raises is a defect.

Every decoder may refuse, by its own errors and with a sentence; `refusing` sees to that.
"""

from __future__ import annotations

import io
import os
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from starlette.requests import Request

from ledger_actors.daemon.errors import BadRequest, LedgerError
from ledger_actors.daemon.event_stream import event_query
from ledger_actors.daemon.http_answers import decoded, number
from ledger_actors.daemon.limits import is_too_deep
from ledger_actors.daemon.lines import LineCutter
from ledger_actors.daemon.messages import actor_message
from ledger_actors.daemon.protocol import ActorAction
from ledger_actors.importing.csv_commands import read_csv_commands
from ledger_actors.importing.errors import ImportingError
from ledger_actors.importing.json_lines import read_json_lines
from ledger_actors.importing.mapping import load_mapping
from ledger_actors.importing.records import BadLine
from ledger_actors.importing.sources import plan_stages
from ledger_actors.ledger import COMMAND_TYPES
from ledger_actors.runtime import COMMANDS, InvalidCommand, decode_envelope
from ledger_actors.settings import load_settings
from ledger_actors.settings_layers import InvalidSettings

LONGEST_SENTENCE = 3_000
"""Characters; what the door says is shorter still."""

assert COMMAND_TYPES, "importing them is what fills COMMANDS"


@contextmanager
def refusing(*errors: type[Exception]) -> Iterator[None]:
    """A block that may refuse, by these errors alone, and with a sentence that says something."""
    try:
        yield
    except errors as refusal:
        check_sentence(str(refusal))


def check_sentence(said: str) -> None:
    """Fail where a refusal says nothing, or shows the insides of Python."""
    assert said.strip(), "a refusal without words"
    assert "Traceback" not in said
    assert "object at 0x" not in said


def command(data: bytes) -> None:
    """The door's commands, one in JSON."""
    with refusing(InvalidCommand):
        taken = decode_envelope(data)
        taken.fingerprint()
        again = msgspec.json.encode({"type": taken.type, "data": taken.command})
        assert decode_envelope(again).command == taken.command


def lines(data: bytes) -> None:
    """A stream of commands, in chunks of whatever size, is the same lines."""
    size = 1 + (data[0] if data else 0)
    cutter, limit = LineCutter(limit=64), 64
    cut: list[bytes | LedgerError] = []
    for at in range(0, len(data), size):
        cut += cutter.feed(data[at : at + size])
    cut += cutter.end()
    whole = [line for line in data.split(b"\n") if line.strip()]
    if any(len(line) > limit and not line.strip() for line in data.split(b"\n")):
        return  # passed over where it is seen whole, refused where it is not: either is right
    assert [one if isinstance(one, bytes) else None for one in cut] == [
        line if len(line) <= limit else None for line in whole
    ]


def query(data: bytes) -> None:
    """The parameters of GET /v1/events and of a state."""
    request = Request({"type": "http", "query_string": data, "headers": []})
    with refusing(BadRequest):
        event_query(request)
    with refusing(BadRequest):
        number(request, "as_of")


def action(data: bytes) -> None:
    """What an actor is told or asked through the door."""
    with refusing(LedgerError):
        wire = decoded(data, ActorAction).message
        if not is_too_deep(wire):
            actor_message(wire)


def json_lines(data: bytes) -> None:
    """The importer's JSON Lines."""
    for record in read_json_lines(io.BytesIO(data), "fuzz.jsonl"):
        if isinstance(record, BadLine):
            check_sentence(record.problem)


def mapping(data: bytes) -> None:
    """The importer's mapping: before a NUL the mapping, after it the file."""
    text, _, rows = data.partition(b"\x00")
    with tempfile.TemporaryDirectory() as folder:
        toml, file = Path(folder) / "mapping.toml", Path(folder) / "rows.csv"
        toml.write_bytes(text)
        file.write_bytes(rows)
        with refusing(ImportingError):
            load_mapping(toml)
        with refusing(ImportingError):
            for stage in plan_stages(file, toml):
                _read(stage.records())


def rows(data: bytes) -> None:
    """The importer's rows, by a mapping that is in order."""
    with tempfile.TemporaryDirectory() as folder:
        toml = Path(folder) / "mapping.toml"
        toml.write_text(ROWS_MAPPING)
        (section,) = load_mapping(toml).file
    with refusing(ImportingError):
        header = b"when,amount,text,id\n"
        _read(read_csv_commands(io.BytesIO(header + data), section, "fuzz.csv"))


def configuration(data: bytes) -> None:
    """A file of settings, and its values as variables, too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "own.toml"
        path.write_bytes(data)
        with _variables({"LEDGER_CONFIG": str(path)}), refusing(InvalidSettings):
            load_settings()
    with _variables(_as_variables(data)), refusing(InvalidSettings):
        load_settings()


def _read(records: Iterator[object]) -> None:
    for record in records:
        if isinstance(record, BadLine):
            check_sentence(record.problem)
        else:
            assert record is not None


def _as_variables(data: bytes) -> dict[str, str]:
    try:
        tables = tomllib.loads(data.decode())
    except (ValueError, RecursionError):
        return {}
    flat = {
        f"LEDGER_{table}_{key}".upper(): str(value)
        for table, keys in tables.items()
        if isinstance(keys, dict)
        for key, value in keys.items()
    }
    return {
        name: value
        for name, value in flat.items()
        if "\0" not in name + value and "=" not in name and _is_utf8(name + value)
    }


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _variables(told: dict[str, str]) -> Iterator[None]:
    before = os.environ.copy()
    os.environ.update(told)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


ROWS_MAPPING = """
[[file]]
command = "RecordBankStatementLine"
id = { column = "id", prefix = "fuzz:" }
[file.fields]
account_uuid = { value = "a-1" }
booked_on = { column = "when", date = "%d.%m.%Y" }
amount = { column = "amount", amount = { decimal = ",", group = ".", absolute = true } }
direction = { column = "amount", sign = { positive = "in", negative = "out" } }
text = { columns = ["text", "id"], join = ", ", optional = true }
"""

TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (command, lines, query, action, json_lines, mapping, rows, configuration)
}

KNOWN_COMMANDS = tuple(kind.command_type for kind in COMMANDS)
