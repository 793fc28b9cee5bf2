"""A batch has as many events as its projector takes in a moment."""

from __future__ import annotations

from ledger_actors.runtime.batch_size import FEWEST, FIRST, LONG, MOST, SHORT, BatchSize


def after(*batches: float, whole: bool = True) -> int:
    size = BatchSize()
    for seconds in batches:
        size.took(seconds, whole=whole)
    return size.events


def test_batches_that_take_a_moment_grow_to_the_most() -> None:
    assert [after(*[0.0] * batches) for batches in range(4)] == [FIRST, 2 * FIRST, MOST, MOST]


def test_one_that_takes_as_long_as_it_may_stays_as_it_is() -> None:
    assert after(SHORT) == after(LONG) == FIRST


def test_one_that_takes_long_is_cut_until_it_does_not() -> None:
    assert after(3 * LONG) == FIRST // 4
    assert after(1000 * LONG) == FEWEST


def test_one_that_was_cut_grows_again() -> None:
    assert after(3 * LONG, 0.0) == FIRST // 2


def test_at_the_end_of_the_log_it_is_again_the_first() -> None:
    size = BatchSize()
    size.took(0.0, whole=True)
    size.took(0.0, whole=False)

    assert size.events == FIRST


def test_a_slow_projector_gets_no_more_at_the_end_of_the_log() -> None:
    assert after(3 * LONG, whole=False) == FIRST // 4
