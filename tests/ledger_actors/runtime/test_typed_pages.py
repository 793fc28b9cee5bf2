"""A page of the log is decoded by one call, where all of it is in today's form."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from ledger_actors.runtime import Event, EventCatalog, Recorded
from ledger_actors.runtime.recorded import decode_recorded
from ledger_actors.runtime.typed_pages import TypedPages
from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite
from ledger_actors.store.sqlite import MEMORY

MILK = EventCatalog()


@MILK.define("milk.poured", version=2, formerly=("milk.spilt",), upcasters={1: lambda old: old})
class Poured(Event, frozen=True):
    litres: int


@MILK.define("milk.drunk")
class Drunk(Event, frozen=True):
    by: str
    at: dict[str, float]


MILK.replace("milk.lost", by=lambda _payload, _version: ())

POURED = NewEvent("milk.poured", '{"litres":3}', 2)
DRUNK = NewEvent("milk.drunk", '{"by":"a \\"cat\\" \\u00e9🎈","at":{"noon":1.5}}')


@pytest.fixture
def store() -> Iterator[SqliteEventStore]:
    with SqliteEventStore(MEMORY) as opened:
        yield opened


def page(store: SqliteEventStore, *events: NewEvent) -> str:
    write = StreamWrite("milk-1", events)
    append = Append((write,), command_id="c-1", correlation_id="c-0", author="a cat")
    store.append([append])
    text = store.read_as_json(after=0, limit=10)
    assert text is not None
    return text


def test_a_page_is_what_its_rows_are_read_as(store: SqliteEventStore) -> None:
    found = TypedPages(MILK).decode(page(store, POURED, DRUNK, POURED))
    row_by_row = [one for row in store.read_all() for one in decode_recorded(row, MILK)]

    assert found is not None
    assert all(isinstance(one, Recorded) for one in found)
    assert [msgspec.structs.astuple(one) for one in found] == [
        msgspec.structs.astuple(one) for one in row_by_row
    ]
    assert found[1].event == Drunk('a "cat" é🎈', {"noon": 1.5})
    assert repr(found[0]) == repr(row_by_row[0])


@pytest.mark.parametrize(
    "event",
    [
        NewEvent("milk.poured", '{"litres":3}', 1),
        NewEvent("milk.poured", '{"litres":3}', 3),
        NewEvent("milk.spilt", '{"litres":3}', 2),
        NewEvent("milk.lost", "{}"),
        NewEvent("milk.of_the_future", "{}"),
        NewEvent("milk.poured", '{"litres":"many"}', 2),
    ],
    ids=["an older form", "a newer form", "an old name", "replaced", "unknown", "does not fit"],
)
def test_a_page_with_one_that_is_not_in_todays_form_is_none(
    store: SqliteEventStore, event: NewEvent
) -> None:
    assert TypedPages(MILK).decode(page(store, POURED, event)) is None


def test_what_is_defined_later_is_known_from_then_on(store: SqliteEventStore) -> None:
    known = EventCatalog()
    pages = TypedPages(known)
    text = page(store, NewEvent("milk.new", "{}"))
    assert pages.decode(text) is None

    @known.define("milk.new")
    class New(Event, frozen=True):
        pass

    found = pages.decode(text)
    assert found is not None
    assert [one.event for one in found] == [New()]
