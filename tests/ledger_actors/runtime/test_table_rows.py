"""Rows of a table as structs: what is put is found, whatever was there before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from ledger_actors.runtime import Rows
from ledger_actors.runtime.table_rows import MOST_AT_ONCE


class Mood(StrEnum):
    GOOD = "good"
    BAD = "bad"


class Thing(msgspec.Struct, frozen=True):
    name: str
    size: int = 0
    amount: Decimal = Decimal(0)
    mood: Mood = Mood.GOOD
    known: bool = False
    since: date | None = None


THINGS = Rows("things", Thing, key="name")
moods = st.sampled_from(Mood)
things = st.builds(
    Thing,
    name=st.text("abc\0'\"", max_size=2),
    size=st.integers(-(2**63), 2**63 - 1),
    amount=st.decimals(allow_nan=False, allow_infinity=False, places=6),
    mood=moods,
    known=st.booleans(),
    since=st.none() | st.dates(),
)


@pytest.fixture(scope="module")
def table() -> Iterator[Database]:
    db = Database(memory=True)
    text = dict.fromkeys(("name", "amount", "mood", "since"), str)
    db.table("things").create({**text, "size": int, "known": int}, pk="name")
    yield db
    db.close()


@given(puts=st.lists(st.lists(things, unique_by=lambda one: one.name)), gone=st.sets(st.text("ab")))
def test_what_was_put_last_is_found_and_what_was_deleted_is_not(
    table: Database, puts: list[list[Thing]], gone: set[str]
) -> None:
    table.execute("DELETE FROM things")
    expected: dict[Any, Thing] = {}
    for some in puts:
        THINGS.put(table, some)
        expected.update((one.name, one) for one in some)
    THINGS.delete(table, gone)
    expected = {name: one for name, one in expected.items() if name not in gone}

    assert THINGS.find(table, [*expected, *gone, "nobody"]) == expected


def test_more_than_go_into_a_statement(table: Database) -> None:
    many = [Thing(str(number), number) for number in range(2 * MOST_AT_ONCE + 3)]
    THINGS.put(table, many)

    assert THINGS.find(table, [one.name for one in many]) == {one.name: one for one in many}


def test_nothing_is_nothing(table: Database) -> None:
    THINGS.put(table, [])
    THINGS.delete(table, [])

    assert THINGS.find(table, []) == {}
