"""A batch has as many events as its projector takes in a moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.runtime.batch_size import FEWEST, MOMENT, USUAL, BatchSize


def sizes(seconds_an_event: float, wanted: float = 1.0) -> list[int]:
    """Return the sizes of the first batches of a projector that wants a part of all events."""
    size = BatchSize()
    found = []
    for _ in range(5):
        found.append(size.events)
        events = int(size.events * wanted)
        size.took(events * seconds_an_event, events)
    return found


def test_the_first_is_small_for_it_is_not_known_how_long_an_event_takes() -> None:
    assert BatchSize().events == FEWEST


def test_what_is_quick_grows_in_few_steps() -> None:
    assert sizes(3e-6) == [256, 1024, 4096, 16_384, 16_384]


def test_what_is_slow_stays_small() -> None:
    assert sizes(1e-2) == [FEWEST] * 5


@given(st.floats(1e-7, 1e-2), st.floats(0.01, 1))
def test_it_takes_a_moment_also_where_all_of_the_next_is_wanted(
    seconds_an_event: float, wanted: float
) -> None:
    size = sizes(seconds_an_event, wanted)[-1]
    commit = 0.0005 / max(1, int(FEWEST * wanted))  # what may be taken for one

    assert size == FEWEST or size * max(0.0, seconds_an_event - commit) <= MOMENT


def test_where_nothing_was_wanted_it_grows_to_the_usual() -> None:
    assert sizes(1.0, wanted=0) == [256, 1024, 4096, 4096, 4096]
    assert USUAL == 4096


def test_a_hiccup_is_made_up_for() -> None:
    size = BatchSize()
    for seconds in (0.0, 0.0, 0.0, 1.0):
        size.took(seconds, size.events)
    assert size.events == 2048  # of 16,384 in a second

    size.took(0.005, size.events)
    assert size.events == 8192


def test_after_a_failure_it_is_small_again() -> None:
    size = BatchSize()
    size.took(0.0, size.events)
    size.failed()

    assert size.events == FEWEST
