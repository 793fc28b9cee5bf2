"""The log as JSON: pages for who knows the types of events and decodes them by one call."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite
from ledger_actors.store.model import LOG_FIELDS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteEventStore]:
    with SqliteEventStore(path) as opened:
        yield opened


def write(store: SqliteEventStore, *payloads: str) -> None:
    events = tuple(NewEvent("Noted", payload, 2) for payload in payloads)
    store.append([Append((StreamWrite("note-1", events),), command_id="c-1", author="me")])


def read(store: SqliteEventStore, after: int = 0, limit: int = 10) -> Any:
    text = store.read_as_json(after=after, limit=limit)
    return None if text is None else json.loads(text)


def test_each_event_is_its_form_its_payload_and_where_it_stands(store: SqliteEventStore) -> None:
    write(store, '{"text":"a"}', '{"text":"b"}')
    for found, row in zip(read(store), store.read_all(), strict=True):
        form, payload, *fields = found
        assert (form, payload) == ("Noted/2", json.loads(row.payload))
        assert dict(zip(LOG_FIELDS, fields, strict=True)) == {
            field: getattr(row, field) for field in LOG_FIELDS
        }


def test_a_page_has_so_many_at_most_and_the_next_begins_behind_it(store: SqliteEventStore) -> None:
    write(store, *["{}"] * 5)
    pages = [[row[2] for row in read(store, after, 2)] for after in (0, 2, 4, 5)]
    assert pages == [[1, 2], [3, 4], [5], []]


def test_a_long_payload_is_null(store: SqliteEventStore) -> None:
    write(store, "{}", json.dumps({"text": "x" * 5000}))
    assert [payload for _form, payload, *_fields in read(store)] == [{}, None]


@pytest.mark.parametrize("payload", ["no JSON", '{"a":1},["Noted/2"', "", "[" * 3000])
def test_a_page_with_a_payload_that_is_no_json_is_none(
    store: SqliteEventStore, path: Path, payload: str
) -> None:
    write(store, "{}")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE events SET payload = ?", (payload,))
    assert read(store) is None
    assert [row.payload for row in store.read_all()] == [payload]
