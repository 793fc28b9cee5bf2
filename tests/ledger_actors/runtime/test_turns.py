"""Whoever came first goes first, and nobody waits for nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.runtime.turns import Turns


def test_tickets_without_a_common_key_all_go_on() -> None:
    turns = Turns()
    assert [turns.enter(n, [n]) for n in range(3)] == [True, True, True]


def test_a_ticket_goes_on_when_it_is_the_first_for_all_its_keys() -> None:
    turns = Turns()
    turns.enter(1, ["a"])
    turns.enter(2, ["b"])
    assert turns.enter(3, ["a", "b"]) is False

    assert turns.leave(1) == []
    assert turns.leave(2) == [3]


@given(st.lists(st.sets(st.integers(0, 4), max_size=3), max_size=30))
def test_everybody_has_a_turn_and_never_two_with_a_common_key(wanted: list[set[int]]) -> None:
    turns = Turns()
    running = [n for n, keys in enumerate(wanted) if turns.enter(n, keys)]
    done: list[int] = []
    while running:
        held = [key for n in running for key in wanted[n]]
        assert len(held) == len(set(held))
        done.append(running.pop(0))
        running += turns.leave(done[-1])

    assert sorted(done) == list(range(len(wanted)))
