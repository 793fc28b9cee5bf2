"""What is still to be read: all that is wanted, once, in order, and no id left out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.runtime import EventCatalog, EventFilter
from ledger_actors.runtime.backlog import STRIDE, backlog
from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite

SIZE = 3


class Knows(EventCatalog):
    """A catalog that knows every type but one."""

    def knows(self, name: str) -> bool:
        return name != "unknown"


def store_of(types: list[str]) -> SqliteEventStore:
    store = SqliteEventStore(":memory:")
    store.append([Append((StreamWrite("s-1", (NewEvent(name, "{}"),)),)) for name in types])
    return store


@given(
    types=st.lists(st.sampled_from(["a", "b"]), max_size=60).flatmap(
        lambda some: st.integers(0, 40).map(lambda rare: [*some, *["c"] * rare, *some])
    ),
    wanted=st.sampled_from([(), ("a",), ("a", "b"), ("[ab]",), ("c",), ("x",)]),
    after=st.integers(0, 10),
)
def test_all_that_is_wanted_comes_once_and_the_ids_have_no_gap(
    types: list[str], wanted: tuple[str, ...], after: int
) -> None:
    """Also where what is wanted is dense in one part of the log and rare in another."""
    choice = EventFilter(wanted)
    after = min(after, len(types))
    with store_of(types) as store:
        told = list(backlog(store, Knows(), choice, after=after, batch_size=SIZE))
        rows = [row for row in store.read_all(after=after) if choice.wants(row)]

    assert [row for one in told for row in one.events] == rows
    ends = [after, *(one.up_to for one in told)]
    assert [one.after for one in told] == ends[:-1]
    assert all(first < second for first, second in pairwise(ends))
    assert ends[-1] == len(types)
    assert all(len(one.events) <= SIZE for one in told)
    assert all(one.up_to - one.after <= STRIDE * SIZE for one in told)


@pytest.mark.parametrize("wanted", [(), ("a",)], ids=["all", "a type"])
def test_it_ends_with_the_first_event_of_an_unknown_type(wanted: tuple[str, ...]) -> None:
    with store_of(["a"] * 10 + ["unknown"] + ["a"] * 5) as store:
        told = list(backlog(store, Knows(), EventFilter(wanted), after=0, batch_size=SIZE))

    assert [row.id for one in told for row in one.events] == list(range(1, 12))
    assert told[-1].events[0].type == "unknown"
