"""How long a child waits before it is started again: a function of numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision import TEMPORARY, Actor, Backoff, InvalidChildSpec, child_spec
from supervision.backoff import Pace

seconds = st.floats(min_value=0.001, max_value=1_000.0)
parts = st.floats(min_value=0.0, max_value=1.0)
draws = st.floats(min_value=0.0, max_value=1.0, exclude_max=True)
attempts = st.integers(min_value=0, max_value=5_000)


@st.composite
def backoffs(draw: st.DrawFn) -> Backoff:
    initial = draw(seconds)
    maximum = initial * draw(st.floats(min_value=1.0, max_value=1_000.0))
    factor = draw(st.floats(min_value=1.0, max_value=10.0))
    return Backoff(initial, maximum, factor=factor, jitter=draw(parts))


def delays(backoff: Backoff, count: int, draw: float = 0.0) -> list[float]:
    return [backoff.delay(attempt, draw) for attempt in range(count)]


def test_each_wait_is_longer_by_the_factor_up_to_the_maximum() -> None:
    assert delays(Backoff(0.5, 10.0, factor=3.0), 5) == [0.5, 1.5, 4.5, 10.0, 10.0]


def test_jitter_takes_away_a_part_of_the_wait_at_most() -> None:
    backoff = Backoff(8.0, 8.0, jitter=0.25)

    assert [backoff.delay(0, draw) for draw in (0.0, 0.5, 1.0)] == [8.0, 7.0, 6.0]


@given(backoffs(), attempts, draws)
def test_a_wait_lies_between_its_bounds(backoff: Backoff, attempt: int, draw: float) -> None:
    longest = backoff.delay(attempt, 0.0)

    assert backoff.initial <= longest <= backoff.maximum
    assert longest * (1.0 - backoff.jitter) <= backoff.delay(attempt, draw) <= longest


@given(backoffs(), attempts)
def test_without_chance_no_wait_is_shorter_than_the_one_before(
    backoff: Backoff, attempt: int
) -> None:
    assert backoff.delay(attempt, 0.0) <= backoff.delay(attempt + 1, 0.0)


@given(st.lists(st.one_of(st.none(), st.floats(min_value=0.0, max_value=100.0)), max_size=20))
def test_the_attempts_are_counted_anew_after_a_long_run(runs: list[float | None]) -> None:
    """`None` is a start that failed, a number a run of so many seconds."""
    backoff = Backoff(1.0, 1_000_000.0, jitter=0.0, reset_after=50.0)
    pace, now, expected = Pace(backoff), 0.0, 0
    for run in runs:
        if run is not None:
            pace.running(now)
            expected = 0 if (now + run) - now >= 50.0 else expected
            now += run
        assert pace.failed(now, 0.0) == backoff.delay(expected, 0.0)
        expected += 1


def test_a_run_counts_as_long_after_the_longest_wait_by_default() -> None:
    assert Backoff(1.0, 30.0).reset_after == 30.0


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"initial": 0.0}, "initial"),
        ({"initial": True}, "initial"),
        ({"initial": "1"}, "initial"),
        ({"maximum": 0.5}, "maximum"),
        ({"maximum": math.inf}, "maximum"),
        ({"factor": 0.9}, "factor"),
        ({"factor": math.nan}, "factor"),
        ({"jitter": -0.1}, "jitter"),
        ({"jitter": 1.1}, "jitter"),
        ({"reset_after": -1}, "reset_after"),
    ],
)
def test_a_number_that_cannot_be_is_refused_by_name(options: Any, field: str) -> None:
    with pytest.raises(InvalidChildSpec, match=f"^backoff: {field}: "):
        Backoff(**{"initial": 1.0, "maximum": 2.0, **options})


def test_a_spec_takes_a_backoff_and_nothing_else() -> None:
    backoff = Backoff(1.0, 2.0)

    assert child_spec(Actor, backoff=backoff).backoff is backoff
    with pytest.raises(InvalidChildSpec, match="backoff: a Backoff"):
        child_spec(Actor, backoff=2.0)  # type: ignore[arg-type]


def test_a_temporary_child_has_no_use_for_one() -> None:
    with pytest.raises(InvalidChildSpec, match="never restarted"):
        child_spec(Actor, restart=TEMPORARY, backoff=Backoff(1.0, 2.0))
