"""The table of children: order, states and counts, without actors."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from supervision.actor import Actor
from supervision.children import Children, ChildState, Counts
from supervision.dynamic_children import DynamicChildren
from supervision.specs import ChildSpec, child_spec
from supervision.terms import PERMANENT, SUPERVISOR, TEMPORARY, WORKER, Restart


def spec(child_id: int, restart: Restart = PERMANENT, **options: Any) -> ChildSpec:
    return child_spec(Actor, object(), id=child_id, restart=restart, **options)


def ref() -> Any:
    return object()


def test_children_are_in_the_order_in_which_they_were_added() -> None:
    table = Children()
    for child_id in (3, 1, 2):
        table.add(spec(child_id))

    assert [child.spec.id for child in table] == [3, 1, 2]
    assert [child.spec.id for child in table.in_reverse()] == [2, 1, 3]
    assert [member.id for member in table.members()] == [3, 1, 2]


def test_a_child_is_found_by_its_id_and_by_its_present_actor_only() -> None:
    table, old, new = Children(), ref(), ref()
    child = table.add(spec(1))
    table.starting(child, old)
    table.starting(child, new)

    assert (table.find(1), table.find(2)) == (child, None)
    assert (table.of(old), table.of(new)) == (None, child)


def test_a_stopped_child_stays_and_a_stopped_temporary_one_goes() -> None:
    table = Children()
    permanent, temporary = table.add(spec(1)), table.add(spec(2, TEMPORARY))
    for child in (permanent, temporary):
        table.starting(child, ref())
        table.running(child)
        table.stopped(child)

    assert [child.spec.id for child in table] == [1]
    assert (permanent.state, permanent.ref) == (ChildState.STOPPED, None)


def test_what_a_running_temporary_child_was_started_with_is_not_kept() -> None:
    table = Children()
    permanent, temporary = table.add(spec(1)), table.add(spec(2, TEMPORARY))
    for child in (permanent, temporary):
        table.starting(child, ref())
        table.running(child)

    assert len(permanent.spec.start.args) == 1  # type: ignore[union-attr]
    assert temporary.spec.start.args == ()  # type: ignore[union-attr]


def test_a_child_that_waits_to_be_restarted_is_counted_but_not_active() -> None:
    table = Children()
    waiting, supervisor = table.add(spec(1)), table.add(spec(2, type=SUPERVISOR))
    table.starting(waiting, ref())
    table.restarting(waiting)
    table.starting(supervisor, ref())

    assert table.counts() == Counts(specs=2, active=1, supervisors=1, workers=1)


@given(st.data())
def test_the_dynamic_table_counts_in_passing_what_one_would_count_by_hand(
    data: st.DataObject,
) -> None:
    """Whatever is started, crashed, restarted and stopped, in any order."""
    table = DynamicChildren()
    for number in range(data.draw(st.integers(0, 40))):
        children = list(table)
        step = data.draw(st.sampled_from(["add", "remove", "restarting", "restarted", "running"]))
        if step == "add" or not children:
            type_ = data.draw(st.sampled_from([WORKER, SUPERVISOR]))
            significant = data.draw(st.booleans())
            table.add(spec(number, TEMPORARY, type=type_, significant=significant), ref())
            continue
        child = data.draw(st.sampled_from(children))
        if step == "restarted":
            table.restarted(child, ref())
        elif step != "running" or child.active:
            getattr(table, step)(child)

    children = list(table)
    supervisors = sum(child.spec.type is SUPERVISOR for child in children)
    assert table.counts() == Counts(
        specs=len(children),
        active=sum(child.active for child in children),
        supervisors=supervisors,
        workers=len(children) - supervisors,
    )
    assert table.significant_left() == any(child.spec.significant for child in children)
    assert all(table.of(child.ref) is child for child in children)


def test_temporary_dynamic_children_of_one_kind_share_one_spec() -> None:
    table = DynamicChildren()
    first, second = (table.add(spec(number, TEMPORARY), ref()) for number in (1, 2))

    assert first.spec is second.spec
    assert (first.id, second.id) == (1, 2)
