"""How much of the ledger a stream takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.daemon.stream_window import (
    NARROWEST,
    SHARED_SECONDS,
    WIDEST,
    StreamWindow,
)


def test_it_begins_wide() -> None:
    assert StreamWindow().room(0) == WIDEST


def test_none_sets_out_before_half_have_come_back() -> None:
    window = StreamWindow()
    assert window.room(WIDEST // 2 + 1) == 0
    assert window.room(WIDEST // 2) == WIDEST // 2


def test_slow_commands_narrow_it_and_quick_ones_widen_it_again() -> None:
    window = StreamWindow()
    for _ in range(20):
        window.took(1.0, window.size)
    assert window.size == NARROWEST
    for _ in range(40):
        window.took(SHARED_SECONDS / 100, window.size)
    assert window.size == WIDEST


def test_it_narrows_from_what_was_under_way_and_not_from_what_it_had_room_for() -> None:
    """Its client has a window of 64, and all of that had to be done before."""
    window = StreamWindow()
    window.took(2 * SHARED_SECONDS, 64)
    assert 30 < window.size < 35


def test_a_moment_in_which_little_was_under_way_and_that_was_quick_does_not_narrow_it() -> None:
    window = StreamWindow()
    window.took(SHARED_SECONDS, 4)
    assert window.size == WIDEST


def test_alone_it_is_wide_at_once() -> None:
    window = StreamWindow()
    window.took(1.0, WIDEST)
    window.widen()
    assert window.size == WIDEST


@given(st.integers(min_value=1_000, max_value=100_000))
def test_it_settles_where_commands_take_the_time_that_is_shared(rate: int) -> None:
    """A ledger that does `rate` commands a second takes so long for a window of them."""
    window = StreamWindow()
    for _ in range(60):
        window.took(window.size / rate, window.size)
    fitting = min(max(rate * SHARED_SECONDS, NARROWEST), WIDEST)
    assert 0.5 * fitting <= window.size <= 1.5 * fitting + 1


@given(st.lists(st.tuples(st.floats(min_value=0, max_value=100), st.integers(1, 2 * WIDEST))))
def test_it_never_closes_and_never_outgrows(taken: list[tuple[float, int]]) -> None:
    window = StreamWindow()
    for seconds, under_way in taken:
        window.took(seconds, under_way)
    assert NARROWEST <= window.size <= WIDEST
