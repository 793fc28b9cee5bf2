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
        window.took(1.0)
    assert window.size == NARROWEST
    for _ in range(40):
        window.took(SHARED_SECONDS / 100)
    assert window.size == WIDEST


def test_alone_it_is_wide_at_once() -> None:
    window = StreamWindow()
    window.took(1.0)
    window.widen()
    assert window.size == WIDEST


@given(st.integers(min_value=1_000, max_value=100_000))
def test_it_settles_where_commands_take_the_time_that_is_shared(rate: int) -> None:
    """A ledger that does `rate` commands a second takes so long for a window of them."""
    window = StreamWindow()
    for _ in range(60):
        window.took(window.size / rate)
    fitting = min(max(rate * SHARED_SECONDS, NARROWEST), WIDEST)
    assert 0.5 * fitting <= window.size <= 1.5 * fitting + 1


@given(st.lists(st.floats(min_value=0, max_value=100)))
def test_it_never_closes_and_never_outgrows(taken: list[float]) -> None:
    window = StreamWindow()
    for seconds in taken:
        window.took(seconds)
    assert NARROWEST <= window.size <= WIDEST
