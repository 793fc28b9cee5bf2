"""Rows go in many to a statement and come out as one text: none is lost on the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from ledger_actors.store.rows import fetch, insert


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY, text TEXT)")
        yield connection


@pytest.mark.parametrize(
    "count", [0, 1, 2, 3, 63, 64, 127, 128, 129, 255, 300, 511, 512, 513, 1100]
)
def test_every_row_goes_in_and_comes_out(connection: sqlite3.Connection, count: int) -> None:
    rows = [(number, f"text {number}") for number in range(count)]
    insert(connection, "numbers", rows)
    source = "FROM numbers WHERE n < ? ORDER BY n"
    assert fetch(connection, ("n", "text"), source, (10_000,)) == [list(row) for row in rows]


def test_a_batch_takes_few_statements(connection: sqlite3.Connection) -> None:
    """Each statement gives Python's lock away; beside busy threads that is what costs."""
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    insert(connection, "numbers", [(number, "") for number in range(512)])
    assert len(statements) == 1


@pytest.mark.parametrize("text", ["", '"', "\\", "\x00\x1f", "é🎈", None, "{}", "[1"])
def test_any_text_comes_out_as_it_went_in(connection: sqlite3.Connection, text: str | None) -> None:
    insert(connection, "numbers", [(2**63 - 1, text)])
    rows = fetch(connection, ("n", "text"), "FROM numbers", ())
    assert rows == [[2**63 - 1, text]]
