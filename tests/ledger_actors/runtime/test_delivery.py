"""The rule of sequence: seen before, next, or missed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.runtime import Delivery, MissedEventError
from ledger_actors.runtime.delivery import as_delivery, unseen
from ledger_actors.store import RecordedEvent


def row(event_id: int) -> RecordedEvent:
    return RecordedEvent(event_id, "s", 1, "t", 1, "{}", None, None, None, None, 0, "", "")


def ids(rows: Sequence[RecordedEvent] | None) -> list[int] | None:
    return None if rows is None else [one.id for one in rows]


@pytest.mark.parametrize(
    ("position", "expected"), [(4, [5, 7]), (5, [7]), (6, [7]), (7, []), (8, None), (9, None)]
)
def test_what_was_seen_is_left_out(position: int, expected: list[int] | None) -> None:
    delivery = Delivery(4, 8, (row(5), row(7)))

    assert ids(unseen("me", position, delivery)) == expected


def test_a_range_behind_a_gap_is_an_error_that_names_both_ends() -> None:
    with pytest.raises(MissedEventError, match="me expected event 4 next and was given 5"):
        unseen("me", 3, Delivery(4, 8, ()))


def test_a_bare_event_is_a_range_of_itself() -> None:
    assert as_delivery(row(5)) == Delivery(4, 5, (row(5),))
    assert as_delivery("hello") is None


@given(st.lists(st.integers(1, 4), min_size=1), st.data())
def test_ranges_that_overlap_what_was_read_give_each_event_once(
    sizes: list[int], data: st.DataObject
) -> None:
    """Subscribe, then read: wherever the reading ends, the ranges go on from there."""
    ends = [sum(sizes[: n + 1]) for n in range(len(sizes))]
    position = data.draw(st.integers(0, ends[-1]))
    seen = list(range(1, position + 1))
    for end, size in zip(ends, sizes, strict=True):
        rows = tuple(map(row, range(end - size + 1, end + 1)))
        news = unseen("me", position, Delivery(end - size, end, rows))
        if news is not None:
            seen += [one.id for one in news]
            position = end

    assert seen == list(range(1, ends[-1] + 1))
