"""Elixir `partition_supervisor_test.exs`: partitions of one child, and the way to each of them."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision import (
    ANY_SIGNIFICANT,
    SHUTDOWN,
    TEMPORARY,
    Actor,
    AlreadyRegistered,
    AlreadyStarted,
    ChildSpec,
    Counts,
    Crashed,
    DynamicSupervisor,
    InvalidChildSpec,
    InvalidSupervisorFlags,
    Name,
    NoProcess,
    NotSupported,
    Partition,
    PartitionSupervisor,
    Ref,
    Registry,
    StartFailed,
    SupervisorFlags,
    child_spec,
    count_children,
    delete_child,
    partition_of,
    partitions,
    remaining,
    resize_partitions,
    spawn,
    start_child,
    tree,
    which_children,
)
from supervision.testing import wait_for_exit
from supervision.testing_children import Fail, Script

PROCESSORS = os.cpu_count() or 1


class Worker(Actor):
    """Answers with what it was started with."""

    def __init__(self, *args: Any) -> None:
        super().__init__()
        self.args = args

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        return self.args


@pytest.fixture
def name() -> Name:
    """Where the partition supervisor of the test is found."""
    return Registry("names").name("workers")


@pytest.fixture
def partition(roots: list[Ref], name: Name) -> Callable[..., Ref]:
    """Start a partition supervisor: `partition(Worker, partitions=3)`."""

    def start(child: Any, **options: Any) -> Ref:
        roots.append(PartitionSupervisor.start(child, name=name, **options))
        return roots[-1]

    return start


# -- child_spec ------------------------------------------------------------------------------------


def test_ex_partition_child_spec_uses_the_name_as_id(name: Name) -> None:
    spec = PartitionSupervisor.child_spec(Worker, name=name)

    assert spec.id == "workers"
    assert spec.type is PartitionSupervisor.child_type


def test_ex_partition_child_spec_uses_the_given_id(name: Name) -> None:
    spec = PartitionSupervisor.child_spec(Worker, name=name, id="mine", partitions=2)

    assert spec.id == "mine"


# -- start_link/1 ----------------------------------------------------------------------------------


def test_ex_partition_start_link_on_success(partition: Any, name: Name) -> None:
    """As many partitions as processors; each key's child is under the partition of its key."""
    partition(DynamicSupervisor)
    assert partitions(name) == PROCESSORS
    keys = [uuid.uuid4() for _ in range(100)]

    for key in keys:
        start_child(Partition(name, key), child_spec(Worker, key, restart=TEMPORARY))

    workers = [
        child.ref
        for supervisor in which_children(name)
        for child in which_children(supervisor.ref)  # type: ignore[arg-type]
    ]
    assert sorted(ref.ask("key")[0] for ref in workers if ref is not None) == sorted(keys)


def test_ex_partition_start_link_on_success_with_a_via_name(partition: Any, name: Name) -> None:
    """The supervisor and the partitions are in one registry, and reached through it."""
    root = partition(child_spec(Worker, "hello"))

    assert name.whereis() is root
    assert Partition(name, 0).ask("what") == ("hello",)


def test_ex_partition_start_link_with_arguments(partition: Any, name: Name) -> None:
    """Arguments differ from partition to partition; integers lead to one by their modulo."""
    partition(
        child_spec(Worker, "unused"), with_arguments=lambda _args, number: [number], partitions=3
    )

    assert partitions(name) == 3
    answers = {key: Partition(name, key).ask("number") for key in (0, 1, 2, 3, -1, -5)}
    assert answers == {0: (0,), 1: (1,), 2: (2,), 3: (0,), -1: (1,), -5: (2,)}


def test_ex_partition_start_link_with_arguments_after_a_restart(partition: Any, name: Name) -> None:
    """A restarted partition has its own arguments and its own name again."""
    partition(child_spec(Worker, "a"), with_arguments=lambda args, i: (*args, i), partitions=2)
    address = Partition(name, 1)
    first = address.ref()

    first.tell(RuntimeError("oops"))
    wait_for_exit(first)
    count_children(name)

    assert address.ref() is not first
    assert address.ask("args") == ("a", 1)


def test_ex_partition_raises_without_name() -> None:
    with pytest.raises(InvalidSupervisorFlags, match="name: a partition supervisor needs one"):
        PartitionSupervisor.start(Worker)


def test_ex_partition_raises_without_child_spec(name: Name) -> None:
    with pytest.raises(InvalidChildSpec, match="child: a partition supervisor needs a spec"):
        PartitionSupervisor.start(name=name)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "3"])
def test_ex_partition_raises_on_bad_partitions(name: Name, count: Any) -> None:
    with pytest.raises(InvalidSupervisorFlags, match="partitions: a whole number, 1 or more"):
        PartitionSupervisor.start(Worker, name=name, partitions=count)


def test_ex_partition_raises_on_bad_arguments(name: Name) -> None:
    with pytest.raises(InvalidSupervisorFlags, match="with_arguments: a function"):
        PartitionSupervisor.start(Worker, name=name, with_arguments=123)
    with pytest.raises(InvalidChildSpec, match="with_arguments: returns a tuple or list"):
        PartitionSupervisor.start(Worker, name=name, with_arguments=lambda _args, number: number)


def test_ex_partition_raises_on_bad_auto_shutdown(name: Name) -> None:
    flags = SupervisorFlags(auto_shutdown=ANY_SIGNIFICANT)

    with pytest.raises(InvalidSupervisorFlags, match="auto_shutdown: a partition supervisor has"):
        PartitionSupervisor.start(Worker, name=name, flags=flags)


def test_ex_partition_refuses_a_name_that_is_none_and_children_that_cannot_be_named(
    name: Name,
) -> None:
    by_function = ChildSpec(id="child", start=lambda: spawn(Worker))
    named = child_spec(Worker, name=name.registry.name("other"))

    with pytest.raises(InvalidSupervisorFlags, match="name: a registry's name"):
        PartitionSupervisor.start(Worker, name="workers")
    with pytest.raises(InvalidChildSpec, match="child: a partition needs a Start"):
        PartitionSupervisor.start(by_function, name=name)
    with pytest.raises(InvalidChildSpec, match="child: a partition is named by"):
        PartitionSupervisor.start(named, name=name)


def test_ex_partition_start_fails_as_a_whole(name: Name) -> None:
    """A partition that fails to start fails the start, and leaves no name behind."""
    script = Script()
    script.next_starts(None, RuntimeError("no"))

    with pytest.raises(StartFailed) as caught:
        PartitionSupervisor.start(script.spec(), name=name, partitions=2)

    assert caught.value.child_id == 1
    assert name.registry.count() == 0


# -- stop/1 ----------------------------------------------------------------------------------------


def test_ex_partition_stop_is_synchronous(partition: Any, name: Name) -> None:
    """When the stop returns the names are free: the supervisor's and the partitions'."""
    partition(Worker, partitions=3).stop()

    assert name.whereis() is None
    assert name.registry.count() == 0
    partition(Worker, partitions=3)


def test_ex_partition_stop_is_synchronous_with_via_name(partition: Any, name: Name) -> None:
    partition(Worker, partitions=3)
    ref = name.ref()

    name.shutdown(SHUTDOWN)

    assert wait_for_exit(ref) == SHUTDOWN
    assert name.registry.count() == 0


# -- an unknown one --------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [partitions, count_children, which_children])
def test_ex_partition_on_an_unknown_one_there_is_no_process(
    name: Name, call: Callable[[Any], Any]
) -> None:
    with pytest.raises(NoProcess):
        call(name)


def test_ex_partition_address_of_an_unknown_one_is_no_process(name: Name) -> None:
    address = Partition(name, "key")

    assert address.whereis() is None
    assert not address.is_alive()
    for send in (address.tell, address.ask):
        with pytest.raises(NoProcess, match=r"workers\['key'\]"):
            send("hello")
    with pytest.raises(NoProcess):
        address.ask("hello", block=False).get(timeout=20)
    address.signal("a dead letter")


# -- resize!/1 -------------------------------------------------------------------------------------


def test_ex_partition_resize_within_the_initial_size(partition: Any, name: Name) -> None:
    """Down to zero and up again, in any order; keys lead to those that there are."""
    partition(child_spec(Worker), partitions=8, with_arguments=lambda _args, i: [i])

    for count in (*range(8, -1, -1), *range(9), 5, 2, 7, 0, 8, 3):
        resize_partitions(name, count)
        assert partitions(name) == count
        assert count_children(name) == Counts(specs=8, active=count, supervisors=0, workers=8)
        for key in range(8) if count else ():
            assert Partition(name, key).ask("number") == (key % count,)


def test_ex_partition_resize_answers_with_the_number_before(partition: Any, name: Name) -> None:
    partition(Worker, partitions=4)

    assert [resize_partitions(name, count) for count in (2, 3)] == [4, 2]


def test_ex_partition_resize_to_zero_leads_nowhere(partition: Any, name: Name) -> None:
    partition(Worker, partitions=2)
    resize_partitions(name, 0)

    with pytest.raises(NoProcess):
        Partition(name, 0).ask("hello")


@pytest.mark.parametrize("count", [3, -1, 1.5, True])
def test_ex_partition_resize_cannot_exceed_the_initial_size(
    partition: Any, name: Name, count: Any
) -> None:
    root = partition(Worker, partitions=2)

    with pytest.raises(InvalidSupervisorFlags, match="resize: a whole number from 0 to the 2"):
        resize_partitions(name, count)
    assert (partitions(name), root.is_alive()) == (2, True)


def test_ex_partition_resize_that_fails_to_start_one_changes_nothing(
    partition: Any, name: Name
) -> None:
    script = Script()
    partition(script.spec(), partitions=2)
    resize_partitions(name, 1)
    script.next_starts(RuntimeError("no"))

    with pytest.raises(StartFailed):
        resize_partitions(name, 2)

    assert partitions(name) == 1
    assert count_children(name).active == 1


# -- which_children/1 and count_children/1 ---------------------------------------------------------


def test_ex_partition_which_children_returns_all_partitions(partition: Any, name: Name) -> None:
    partition(Worker)

    found = [(child.id, child.ref) for child in which_children(name)]

    assert found == [(number, Partition(name, number).ref()) for number in range(PROCESSORS)]


def test_ex_partition_count_children_with_workers(partition: Any, name: Name) -> None:
    partition(Worker, partitions=3)

    assert count_children(name) == Counts(specs=3, active=3, supervisors=0, workers=3)


def test_ex_partition_count_children_with_supervisors(partition: Any, name: Name) -> None:
    partition(DynamicSupervisor, partitions=3)

    assert count_children(name) == Counts(specs=3, active=3, supervisors=3, workers=0)


# -- what ours adds --------------------------------------------------------------------------------


def test_ex_partition_under_a_supervisor(supervise: Any, name: Name) -> None:
    """It is a child like others; its name and its partitions are back after its own crash."""
    root = supervise(PartitionSupervisor.child_spec(Script().spec(), name=name, partitions=2))
    first = name.ref()
    assert [node.name for node in tree(root).walk()][1:] == ["workers", "workers/0", "workers/1"]

    first.crash(RuntimeError("oops"))
    wait_for_exit(first)
    count_children(root)

    assert name.ref() is not first
    assert Partition(name, 1).ask("ping") == "ping"


def test_ex_partition_name_that_is_taken(partition: Any, supervise: Any, name: Name) -> None:
    taken = partition(Worker, partitions=1)

    with pytest.raises(AlreadyRegistered):
        PartitionSupervisor.start(Worker, name=name)
    with pytest.raises(AlreadyStarted) as caught:
        start_child(supervise(), PartitionSupervisor.child_spec(Worker, name=name))

    assert caught.value.ref is taken


def test_ex_partition_children_are_fixed(partition: Any, name: Name) -> None:
    partition(Worker, partitions=1)

    with pytest.raises(NotSupported):
        start_child(name, child_spec(Worker, id="more"))
    with pytest.raises(NotSupported):
        delete_child(name, 0)


def test_ex_partition_address_of_something_else(supervise: Any, name: Name) -> None:
    supervise(child_spec(Worker, name=name))

    with pytest.raises(NotSupported, match="no partition supervisor"):
        Partition(name, 1).tell("hello")


def test_ex_partition_address_is_used_as_a_name_is(partition: Any, name: Name) -> None:
    script = Script()
    partition(script.spec(), partitions=1)
    address = Partition(name, "any")
    ref = script.wait_started()

    assert address.ask("ping", block=False).get(timeout=20) == "ping"
    address.tell(Fail(RuntimeError("oops")))
    wait_for_exit(ref)
    again = script.wait_started()
    address.kill()
    wait_for_exit(again)
    signalled = script.wait_started()
    address.exit(Crashed(RuntimeError("oops")))
    assert isinstance(wait_for_exit(signalled), Crashed)
    last = script.wait_started()
    address.shutdown(SHUTDOWN)

    assert wait_for_exit(last) == SHUTDOWN


class Patient(Actor):
    """Answers with the time that is left to it."""

    def on_receive(self, message: Any) -> Any:
        return remaining()


@pytest.mark.parametrize("block", [True, False])
def test_an_ask_of_a_partition_hands_its_timeout_on(
    partition: Any, name: Name, block: bool
) -> None:
    partition(Patient, partitions=1)
    answer = Partition(name, "any").ask("how long", block=block, timeout=20)

    assert 0 < (answer if block else answer.get(timeout=20)) <= 20


def test_an_ask_of_no_partition_says_so_in_its_future(name: Name) -> None:
    answer = Partition(name, "any").ask("ping", block=False, timeout=20)

    with pytest.raises(NoProcess):
        answer.get(timeout=20)


keys = st.one_of(st.text(), st.binary(), st.tuples(st.text(), st.integers()), st.uuids())


@given(keys, st.integers(min_value=1, max_value=64))
def test_ex_partition_of_a_key_is_one_that_there_is(key: Any, count: int) -> None:
    assert 0 <= partition_of(key, count) < count


@given(st.integers(), st.integers(min_value=1, max_value=64))
def test_ex_partition_of_an_integer_is_its_modulo(key: int, count: int) -> None:
    assert partition_of(key, count) == abs(key) % count


def test_ex_partition_of_a_key_is_the_same_in_each_run() -> None:
    """Python's own hash of a string is not."""
    program = "from supervision import partition_of; print(partition_of(('account', 'é'), 1000003))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }

    assert runs == {f"{partition_of(('account', 'é'), 1000003)}\n".encode()}
