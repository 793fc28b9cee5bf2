"""SQL rows in and out with few steps.

Python gives its lock away for every step of a statement and takes it back after it. With other
threads busy, each of those may cost a whole switch interval (5 ms): a batch of 64 rows, inserted
or fetched one by one, then takes a third of a second. So rows go in many to a statement, and come
out as one JSON text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

__all__ = ["fetch", "fetch_text", "insert", "json_text"]

_CHUNKS = (512, 128, 64, 32, 16, 8, 4, 2, 1)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[list[Any]]).decode


def insert(connection: sqlite3.Connection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows that have a value for each of the table's columns, in their order."""
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            chunk = rows[start : start + size]
            statement = _insert_statement(table, len(chunk[0]), size)
            connection.execute(statement, tuple(chain.from_iterable(chunk)))
            start += size


def fetch(
    connection: sqlite3.Connection,
    fields: Sequence[str],
    source: str,
    values: Sequence[Any] | Mapping[str, Any],
) -> list[list[Any]]:
    """Return the rows of a query: of `SELECT`, these fields, and `source`, from its `FROM` on.

    The order of the rows is the query's as a rule; sort where it matters.
    """
    return _decode(fetch_text(connection, fields, source, values))


def fetch_text(
    connection: sqlite3.Connection,
    fields: Sequence[str],
    source: str,
    values: Sequence[Any] | Mapping[str, Any],
) -> str:
    """Return the same as JSON text, an array of arrays, for whoever decodes it to something."""
    statement = _fetch_statement(tuple(fields), source)
    (text,) = connection.execute(statement, values).fetchone()
    return str(text)


def json_text(values: Iterable[str] | Iterable[int]) -> str:
    """Return a JSON array of texts or numbers, for `json_each`."""
    return _encode(list(values)).decode()


@lru_cache(maxsize=64)
def _insert_statement(table: str, columns: int, rows: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"INSERT INTO {table} VALUES {', '.join([row] * rows)}"


@lru_cache(maxsize=256)
def _fetch_statement(fields: tuple[str, ...], source: str) -> str:
    """Each row is text before it leaves the query inside: a quarter less than column by column."""
    rows = f"SELECT json_array({', '.join(fields)}) AS line {source}"
    return f"SELECT '[' || coalesce(group_concat(line), '') || ']' FROM ({rows})"
