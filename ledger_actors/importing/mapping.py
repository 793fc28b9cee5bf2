"""The TOML mapping: what the columns of delimited files mean, and which commands they become.

Everything that it can say:

    [[preamble]]                     # commands to send first, each time: their ids never change
    type = "RegisterCompany"
    command_id = "my-bank:company"
    data = { company_id = "my-bank" }

    [[file]]                         # in the order in which they go in
    name = "statement.csv"           # needed where FILE is a folder, or several are mapped
    delimiter = ";"                  # default ","
    quote = "'"                      # default '"'; "" for none
    encoding = "cp1250"              # default utf-8
    header = ["when", "amount"]      # only where the first line is a row already
    command = "RecordBankStatementLine"
    id = { column = "line_id", prefix = "my-bank:" }   # the command id; without: from the content

    [file.fields]                    # the command's fields
    account_id = "iban"              # short for { column = "iban" }
    booked_on = { column = "when", date = "%d.%m.%Y" }
    amount = { column = "amount", amount = { decimal = ",", group = ".", absolute = true } }
    direction = { column = "kind", values = { CR = "in", DB = "out" } }
    text = { columns = ["purpose", "name"], join = ", ", optional = true }
    currency = { value = "EUR" }
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from ledger_actors.importing.columns import Rule
from ledger_actors.importing.csv_rows import Dialect
from ledger_actors.importing.errors import MappingError
from ledger_actors.importing.lines import ends_lines_with_newline


class Preamble(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that is sent before the first row, with an id of its own."""

    type: str
    command_id: str
    data: dict[str, Any] = {}


class FileSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One delimited file and the command that each of its rows becomes."""

    command: str
    fields: dict[str, Rule | str]
    name: str = ""
    id: Rule | str | None = None
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    header: tuple[str, ...] = ()

    def dialect(self) -> Dialect:
        """How the file is written down."""
        return Dialect(self.delimiter, self.quote, self.encoding, self.header)

    def rules(self) -> dict[str, Rule]:
        """The rule of each field, the short form written out."""
        return {field: as_rule(rule) for field, rule in self.fields.items()}

    def id_rule(self) -> Rule | None:
        """The rule of the command id, the short form written out; None: from the content."""
        return None if self.id is None else as_rule(self.id)

    def columns(self) -> set[str]:
        """Every column that the file must have."""
        rules = [*self.rules().values(), *filter(None, [self.id_rule()])]
        return {column for rule in rules for column in rule.sources()}


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole mapping file."""

    file: tuple[FileSection, ...]
    preamble: tuple[Preamble, ...] = ()


def as_rule(rule: Rule | str) -> Rule:
    """A rule; the short form is the name of a column."""
    return Rule(column=rule) if isinstance(rule, str) else rule


def load_mapping(path: Path) -> Mapping:
    """The mapping in a TOML file. Raises MappingError, which names the file and the key."""
    try:
        found = tomllib.loads(path.read_text("utf-8"))
        mapping = msgspec.convert(found, Mapping)
    except OSError as error:
        raise MappingError(path, "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MappingError(path, "", "is not UTF-8, which TOML is") from error
    except msgspec.ValidationError as error:
        raise _validation_error(path, str(error)) from error
    except (ValueError, RecursionError) as error:  # also a number or lists without end
        raise MappingError(path, "", f"is not TOML: {error}") from error
    _check_files(path, mapping)
    return mapping


def _validation_error(path: Path, sentence: str) -> MappingError:
    problem, _, where = sentence.partition(" - at ")
    key = where.strip("`").removeprefix("$").removeprefix(".").replace("[...]", ".*")
    return MappingError(path, key, problem.replace("`", "'"))


def _check_files(path: Path, mapping: Mapping) -> None:
    if not mapping.file:
        raise MappingError(path, "file", "is empty; expected at least one [[file]]")
    for at, section in enumerate(mapping.file):
        _check_file(path, f"file[{at}]", section, len(mapping.file) > 1)


def _check_file(path: Path, key: str, section: FileSection, several: bool) -> None:
    if several and not section.name:
        raise MappingError(path, f"{key}.name", "is missing; expected, as there are several files")
    if len(section.delimiter) != 1 or section.delimiter in '\n\r "':
        raise MappingError(path, f"{key}.delimiter", f"{section.delimiter!r} is not one character")
    if len(section.quote) > 1 or section.quote in ("\n", "\r", " ", section.delimiter):
        problem = f"{section.quote!r} is not one character, or none, beside the delimiter"
        raise MappingError(path, f"{key}.quote", problem)
    _check_encoding(path, f"{key}.encoding", section.encoding)
    for field, rule in section.rules().items():
        _check_rule(path, f"{key}.fields.{field}", rule)
    if (id_rule := section.id_rule()) is not None:
        _check_id(path, f"{key}.id", id_rule)


def _check_encoding(path: Path, key: str, encoding: str) -> None:
    try:
        usable = ends_lines_with_newline(encoding)
    except (LookupError, ValueError) as error:
        raise MappingError(path, key, f"{encoding!r} is no encoding that Python knows") from error
    if not usable:
        problem = f"{encoding!r} does not end its lines with one byte; convert the file to utf-8"
        raise MappingError(path, key, problem)


def _check_rule(path: Path, key: str, rule: Rule) -> None:
    given = [name for name in ("column", "columns") if getattr(rule, name)]
    given += [] if rule.value is None else ["value"]
    if len(given) != 1:
        told = " and ".join(given) or "none of them"
        raise MappingError(path, key, f"expected one of value, column, columns; it has {told}")
    kinds = [name for name in ("date", "values", "amount", "sign") if getattr(rule, name)]
    if len(kinds) > 1 and kinds != ["amount", "sign"]:
        raise MappingError(path, key, f"{' and '.join(kinds)} cannot both make the value")
    if kinds and given != ["column"]:
        raise MappingError(path, key, f"{kinds[0]} needs column, and has {given[0]}")


def _check_id(path: Path, key: str, rule: Rule) -> None:
    _check_rule(path, key, rule)
    if not rule.sources():
        raise MappingError(path, key, "would give every row the same id; expected a column")
