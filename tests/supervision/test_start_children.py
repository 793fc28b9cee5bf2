"""Many children by one message: each is started as if by itself, with its place in the answer."""

from __future__ import annotations

from typing import Any

import pytest

from supervision import (
    POOLED,
    TEMPORARY,
    ActorDead,
    AlreadyStarted,
    ChildSpec,
    DynamicSupervisor,
    InvalidChildSpec,
    MaxChildren,
    NotSupported,
    PartitionSupervisor,
    Ref,
    Registry,
    StartFailed,
    Supervisor,
    child_spec,
    count_children,
    start_children,
    start_children_async,
)
from supervision.testing import HANG, Gate, wait_until
from supervision.testing_children import DECLINE, Fail, Script
from tests.supervision.echo import Echo


@pytest.fixture
def root(keep: Any) -> Ref:
    ref: Ref = keep(DynamicSupervisor.start())
    return ref


def echoes(count: int) -> list[ChildSpec]:
    return [child_spec(Echo, id=number, dispatcher=POOLED) for number in range(count)]


def test_the_answer_has_them_in_their_order_and_they_run(root: Ref) -> None:
    scripts = [Script(number) for number in range(20)]

    refs = start_children(root, [script.spec(dispatcher=POOLED) for script in scripts])

    assert refs == [script.wait_started() for script in scripts]
    assert count_children(root).active == 20


def test_each_that_fails_is_told_in_its_place_and_hinders_no_other(keep: Any) -> None:
    root, names = keep(DynamicSupervisor.start(max_children=4)), Registry("names")
    faulty, declining = Script("faulty"), Script("declining")
    faulty.next_starts(ValueError("no"))
    declining.next_starts(DECLINE)
    named = child_spec(Echo, name=names.name("echo"))

    first, second, failed, declined, good, late = start_children(
        root, [named, named, faulty.spec(), declining.spec(), *echoes(2)]
    )

    assert isinstance(second, AlreadyStarted)
    assert second.ref is first
    assert isinstance(failed, StartFailed)
    assert isinstance(failed.__cause__, ValueError)
    assert declined is None
    assert isinstance(good, Ref)
    assert isinstance(late, Ref)
    *_, over = start_children(root, echoes(2))
    assert isinstance(over, MaxChildren)


def test_they_come_up_side_by_side_and_the_answer_waits_for_all(root: Ref) -> None:
    slow, gate, quick = Script("slow"), Gate(), Script("quick")
    slow.next_starts(gate)

    answer = start_children_async(root, [slow.spec(), quick.spec()])
    gate.wait_arrived()
    second = quick.wait_started()
    assert not answer.done()
    gate.open()

    assert answer.get(timeout=HANG) == [slow.wait_started(), second]


def test_one_that_is_not_awaited_is_not_waited_for(root: Ref) -> None:
    slow, gate = Script("slow"), Gate()
    slow.next_starts(gate)

    (ref,) = start_children(root, [slow.spec(await_start=False)])

    gate.open()
    assert ref is slow.wait_started()


def test_none_is_no_start(root: Ref) -> None:
    assert start_children(root, []) == []


def test_where_the_supervisor_is_stopped_meanwhile_those_still_on_the_way_are_told(
    root: Ref,
) -> None:
    slow, gate = Script("slow"), Gate()
    slow.next_starts(gate)
    answer = start_children_async(root, [child_spec(Echo, await_start=False), slow.spec()])
    gate.wait_arrived()

    root.shutdown()
    gate.open()

    up, cut_short = answer.get(timeout=HANG)
    assert isinstance(up, Ref)
    assert isinstance(cut_short, ActorDead)
    with pytest.raises(ActorDead):
        start_children(root, echoes(2))


def test_each_is_restarted_as_its_spec_says(root: Ref) -> None:
    permanent, temporary = Script("permanent"), Script("temporary")
    specs = [permanent.spec(), temporary.spec(restart=TEMPORARY)]

    for ref in start_children(root, specs):
        assert isinstance(ref, Ref)
        ref.tell(Fail(ValueError("oops")))

    first = permanent.wait_started()
    assert permanent.wait_started() is not first
    wait_until(lambda: count_children(root).active == 1, what="the temporary one to be forgotten")


def test_what_is_no_spec_is_refused_before_anything_is_started(root: Ref) -> None:
    bad: Any = "echo"
    with pytest.raises(InvalidChildSpec, match="'echo'"):
        start_children(root, [*echoes(1), bad])

    assert count_children(root).specs == 0


def test_others_than_dynamic_supervisors_refuse_it(keep: Any) -> None:
    static = keep(Supervisor.start([]))
    shards = Registry("shards")
    partitions = keep(PartitionSupervisor.start(Echo, name=shards.name("echoes")))

    with pytest.raises(NotSupported, match="one child after the other"):
        start_children(static, echoes(1))
    with pytest.raises(NotSupported, match="resize"):
        start_children(partitions, echoes(1))
