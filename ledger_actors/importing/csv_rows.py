"""Delimited text as rows with named columns.

A row is a line. A quoted field may hold the delimiter and doubled quotes, but no line end: in
exchange a row torn in the middle of a quote is one bad line, and does not swallow all that follow.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from ledger_actors.importing.lines import Line, TextLine, UnreadableLine, read_lines


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written down."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    header: tuple[str, ...] = ()
    """The columns' names, for a file whose first line is a row already."""


@dataclass(frozen=True, slots=True)
class Row:
    """The fields of a line under the names of their columns."""

    number: int
    end: int
    fields: dict[str, str]


RowOrProblem: TypeAlias = Row | UnreadableLine


class BadHeader(ValueError):
    """The first line does not name the columns."""


def read_header(file: BinaryIO, dialect: Dialect) -> tuple[str, ...]:
    """The columns' names: the dialect's, else the first line, which is then read.

    Raises BadHeader, with a sentence, where the line is none.
    """
    if dialect.header:
        return dialect.header
    line = next(read_lines(file, dialect.encoding), None)
    if line is None:
        raise BadHeader("is empty: its first line should name the columns")
    if isinstance(line, UnreadableLine):
        raise BadHeader(f"its first line should name the columns, but is {line.problem}")
    try:
        names = tuple(name.strip() for name in _fields(line.text, dialect))
    except csv.Error as error:
        raise BadHeader(f"its first line should name the columns, but: {error}") from error
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadHeader(f"its first line names the column {twice!r} twice")
    return names


def read_rows(file: BinaryIO, dialect: Dialect) -> Iterator[RowOrProblem]:
    """Every line after the header as a row or as what is wrong with it; blank ones are passed over.

    Raises BadHeader before the first row.
    """
    columns = read_header(file, dialect)
    first = 0 if dialect.header else 1
    before = 0 if dialect.header else file.tell()
    for line in read_lines(file, dialect.encoding, first=first, before=before):
        row = _row(line, columns, dialect)
        if row is not None:
            yield row


def _row(line: Line, columns: Sequence[str], dialect: Dialect) -> RowOrProblem | None:
    if not isinstance(line, TextLine):
        return line
    if not line.text.strip():
        return None
    try:
        fields = _fields(line.text, dialect)
    except csv.Error as error:
        return UnreadableLine(line.number, line.end, f"torn, or badly quoted: {error}")
    if len(fields) != len(columns):
        problem = f"{len(fields)} columns where the header has {len(columns)}"
        return UnreadableLine(line.number, line.end, problem)
    return Row(line.number, line.end, dict(zip(columns, fields, strict=True)))


def _fields(text: str, dialect: Dialect) -> list[str]:
    reader = csv.reader(
        [text],
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        strict=True,
    )
    return next(reader)
