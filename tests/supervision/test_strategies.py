"""Which children stop and start when one has failed: a table, and what holds for any children."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision.strategies import Member, Plan, plan_restart
from supervision.terms import ONE_FOR_ALL, ONE_FOR_ONE, REST_FOR_ONE, Strategy

CHILDREN = [Member("c"), Member("a"), Member("t", temporary=True), Member("b")]


@pytest.mark.parametrize(
    ("strategy", "failed", "plan"),
    [
        (ONE_FOR_ONE, "a", Plan(stop=(), start=("a",))),
        (ONE_FOR_ALL, "a", Plan(stop=("b", "t", "c"), start=("c", "a", "b"))),
        (REST_FOR_ONE, "c", Plan(stop=("b", "t", "a"), start=("c", "a", "b"))),
        (REST_FOR_ONE, "a", Plan(stop=("b", "t"), start=("a", "b"))),
        (REST_FOR_ONE, "b", Plan(stop=(), start=("b",))),
    ],
)
def test_each_strategy_has_its_plan(strategy: Strategy, failed: str, plan: Plan) -> None:
    assert plan_restart(strategy, CHILDREN, failed) == plan


@given(
    temporary=st.lists(st.booleans(), min_size=1, max_size=12),
    strategy=st.sampled_from(Strategy),
    data=st.data(),
)
def test_what_holds_for_any_children(
    temporary: list[bool], strategy: Strategy, data: st.DataObject
) -> None:
    """The failed one starts and never stops; stops go backwards, starts forwards; no strangers."""
    members = [Member(index, flag) for index, flag in enumerate(temporary)]
    failed = data.draw(st.integers(0, len(members) - 1))

    plan = plan_restart(strategy, members, failed)

    assert failed in plan.start
    assert failed not in plan.stop
    assert list(plan.stop) == sorted(plan.stop, reverse=True)
    assert list(plan.start) == sorted(plan.start)
    assert {i for i in plan.stop if not temporary[i]} == set(plan.start) - {failed}
    if strategy is ONE_FOR_ONE:
        assert plan.start == (failed,)
    if strategy is REST_FOR_ONE:
        assert min(plan.start) == failed
