"""A batch has as many events as its projector takes in a moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.runtime.batch_size import FEWEST, MOMENT, MOST, USUAL, BatchSize

SECONDS_AN_EVENT = st.floats(1e-7, 1e-2)


def sizes(seconds_an_event: float, batches: int = 4) -> list[int]:
    size = BatchSize()
    found = []
    for _ in range(batches):
        found.append(size.events)
        size.took(size.events * seconds_an_event, whole=True)
    return found


def test_the_first_is_small_for_it_is_not_known_how_long_one_takes() -> None:
    assert BatchSize().events == FEWEST


@given(SECONDS_AN_EVENT)
def test_it_takes_a_moment_as_far_as_the_limits_allow_it(seconds_an_event: float) -> None:
    size = sizes(seconds_an_event)[-1]

    assert size == FEWEST or size * seconds_an_event <= MOMENT
    assert size == MOST or 2 * size * seconds_an_event > MOMENT * 0.999


def test_from_small_to_large_is_one_step() -> None:
    assert sizes(3e-6) == [FEWEST, MOST, MOST, MOST]
    assert sizes(1e-4) == [FEWEST, 512, 512, 512]


def test_one_that_is_slow_stays_small() -> None:
    assert sizes(1e-2) == [FEWEST] * 4


def test_a_hiccup_is_made_up_for_by_the_next() -> None:
    size = BatchSize()
    for seconds in (0.0, 1.0):
        size.took(seconds, whole=True)
    assert size.events == 1024  # of 16,384 in a second

    size.took(0.003, whole=True)
    assert size.events == MOST


def test_at_the_end_of_the_log_it_grows_no_further_and_goes_back() -> None:
    size = BatchSize()
    size.took(0.0, whole=False)
    assert size.events == FEWEST

    size.took(0.0, whole=True)
    size.took(0.0, whole=False)
    assert size.events == USUAL
