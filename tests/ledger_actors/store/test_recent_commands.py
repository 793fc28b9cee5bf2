"""The bounded memory of commands that were taken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.store.recent_commands import RecentCommands


def test_what_was_taken_since_is_known() -> None:
    recent = RecentCommands()
    moment = recent.moment
    recent.add(["a"])
    assert "a" in recent
    assert not recent.not_taken_since("a", moment)
    assert recent.not_taken_since("b", moment)


def test_of_a_moment_that_is_too_long_ago_nothing_is_certain() -> None:
    recent = RecentCommands(generation=1)
    moment = recent.moment
    for command_id in "abc":
        recent.add([command_id])
    assert not recent.not_taken_since("a", moment)
    assert not recent.not_taken_since("z", moment)


def test_after_a_failed_commit_no_earlier_moment_counts() -> None:
    recent = RecentCommands()
    moment = recent.moment
    recent.add(["a"])
    recent.forget()
    assert "a" not in recent
    assert not recent.not_taken_since("b", moment)
    assert recent.not_taken_since("b", recent.moment)


def test_it_is_bounded() -> None:
    recent = RecentCommands(generation=10)
    for number in range(1000):
        recent.add([str(number)])
    assert sum(str(number) in recent for number in range(1000)) <= 20


STEPS = st.sampled_from(["take", "look", "take, looked at in between", "fail"])


@given(st.lists(STEPS, max_size=40), st.integers(1, 4))
def test_nothing_that_was_taken_after_it_was_looked_for_is_said_not_to_be(
    steps: list[str], generation: int
) -> None:
    recent, looked = RecentCommands(generation=generation), [(0, 0)]
    for taken, step in enumerate(steps):
        if step == "look":  # that is what was committed before, and its moment
            looked.append((taken, recent.moment))
        else:
            recent.add([str(taken)])
        if step == "fail":
            recent.forget()
        if step == "take, looked at in between":  # by a query that does not see it yet
            looked.append((taken, recent.moment))
    for number, step in enumerate(steps):
        for before, moment in looked:
            if step.startswith("take") and number >= before:
                assert not recent.not_taken_since(str(number), moment)
