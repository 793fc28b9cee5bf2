"""Filters: by type and by stream, with wildcards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.runtime import EventFilter
from ledger_actors.store import RecordedEvent


def row(type_: str, stream: str) -> RecordedEvent:
    return RecordedEvent(1, stream, 1, type_, 1, "{}", None, None, None, None, 0, "", "")


@pytest.mark.parametrize(
    ("types", "streams", "type_", "stream", "wanted"),
    [
        ((), (), "DealCreated", "deal-1", True),
        (("DealCreated",), (), "DealCreated", "deal-1", True),
        (("DealCreated",), (), "DealCreatedAgain", "deal-1", False),
        (("Deal*",), (), "DealCreated", "deal-1", True),
        (("Deal*",), (), "OrDealCreated", "deal-1", False),
        (("A", "Deal*"), (), "DealCreated", "deal-1", True),
        ((), ("account-*",), "X", "account-1", True),
        ((), ("account-*",), "X", "my-account-1", False),
        (("Deal*",), ("deal-*",), "DealCreated", "account-1", False),
        (("Deal?",), (), "Deal1", "s", True),
        (("a.b",), (), "aXb", "s", False),
    ],
)
def test_an_event_is_wanted_if_type_and_stream_are(
    types: tuple[str, ...], streams: tuple[str, ...], type_: str, stream: str, *, wanted: bool
) -> None:
    one = EventFilter(types, streams)

    assert [one.wants(row(type_, stream)) for _ in range(2)] == [wanted, wanted]


@given(
    rows=st.lists(st.builds(row, st.sampled_from("ABC"), st.sampled_from("xyz"))),
    types=st.sets(st.sampled_from(["A", "B", "C*"])),
    streams=st.sets(st.sampled_from(["x", "y*"])),
)
def test_those_among_many_are_those_that_are_wanted_one_by_one(
    rows: list[RecordedEvent], types: set[str], streams: set[str]
) -> None:
    one = EventFilter(types, streams)

    assert list(one.among(rows)) == [row for row in rows if one.wants(row)]


@pytest.mark.parametrize(
    ("types", "plain"), [((), None), (("A", "B"), ("A", "B")), (("A", "B*"), None)]
)
def test_only_plain_types_are_left_to_the_store_to_choose(
    types: tuple[str, ...], plain: tuple[str, ...] | None
) -> None:
    """A store that matched wildcards would pass over types that nobody knows yet, in silence."""
    assert EventFilter(types).plain_types == plain
