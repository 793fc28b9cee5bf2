"""The sliding window of restarts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervision.intensity import RestartIntensity


def test_as_many_restarts_as_allowed_are_allowed_and_one_more_is_not() -> None:
    intensity = RestartIntensity(3, 5.0)

    assert [intensity.add(0.0) for _ in range(4)] == [True, True, True, False]


def test_no_restart_is_allowed_under_zero() -> None:
    assert not RestartIntensity(0, 5.0).add(0.0)


def test_a_restart_counts_until_the_period_is_over_and_not_after() -> None:
    assert not _two_restarts_apart(5.0)
    assert _two_restarts_apart(5.001)


def _two_restarts_apart(seconds: float) -> bool:
    intensity = RestartIntensity(1, 5.0)
    intensity.add(0.0)
    return intensity.add(seconds)


@given(
    gaps=st.lists(st.floats(0, 10), max_size=60),
    max_restarts=st.integers(0, 8),
    max_seconds=st.floats(0.01, 20),
)
def test_it_agrees_with_counting_over_the_whole_history(
    gaps: list[float], max_restarts: int, max_seconds: float
) -> None:
    """However the restarts fall, the answer is that of OTP's list of time stamps."""
    intensity = RestartIntensity(max_restarts, max_seconds)
    now, history = 0.0, []
    for gap in gaps:
        now += gap
        history.append(now)
        within = sum(now - then <= max_seconds for then in history)

        assert intensity.add(now) == (within <= max_restarts)
        assert intensity.count(now) == within


@given(st.lists(st.just(1.0), min_size=1, max_size=200))
def test_restarts_wider_apart_than_the_period_never_exceed_it(gaps: list[float]) -> None:
    intensity = RestartIntensity(1, 0.5)

    assert all(intensity.add(index * gap) for index, gap in enumerate(gaps))
