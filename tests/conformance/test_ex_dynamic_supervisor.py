"""Elixir `dynamic_supervisor_test.exs`: options, starts, limits, and how each child ends."""

from __future__ import annotations

from typing import Any

import pytest

from supervision import (
    KILLED,
    NORMAL,
    OWN_THREAD,
    POOLED,
    SHUTDOWN,
    Actor,
    ChildNotFound,
    Crashed,
    InvalidSupervisorFlags,
    ManualClock,
    MaxChildren,
    StartFailed,
    statistics,
)
from supervision.administration import (
    count_children,
    start_child,
    start_child_async,
    terminate_child,
    which_children,
)
from supervision.children import ChildState, Counts
from supervision.dynamic_supervisor import DynamicSupervisor
from supervision.specs import Start, SupervisorFlags, as_spec, child_spec
from supervision.terms import (
    BRUTAL_KILL,
    INFINITY,
    ONE_FOR_ALL,
    PERMANENT,
    SUPERVISOR,
    TEMPORARY,
    TRANSIENT,
)
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from supervision.testing_children import DECLINE, Exit, Fail, Run, Script, children_of, spin

OFTEN = 1_000_000_000


def test_ex_can_be_supervised_directly(supervise: Any) -> None:
    """A dynamic supervisor is a child like any other, under its class as the default id."""
    root = supervise(DynamicSupervisor)

    child = children_of(root)[DynamicSupervisor]

    assert child.ref is not None
    assert count_children(child.ref) == Counts(0, 0, 0, 0)


def test_ex_multiple_supervisors_can_be_supervised_and_identified(supervise: Any) -> None:
    specs = [child_spec(DynamicSupervisor, id=name) for name in ("one", "two")]

    assert list(children_of(supervise(*specs))) == ["one", "two"]


def test_ex_use_generates_child_spec() -> None:
    """A supervisor as a child is permanent, and has no limit to its shutdown."""
    spec = as_spec(DynamicSupervisor)

    assert (spec.id, spec.start) == (DynamicSupervisor, Start(DynamicSupervisor))
    assert (spec.type, spec.restart, spec.shutdown) == (SUPERVISOR, PERMANENT, INFINITY)


def test_ex_init_1_set_default_options(dynamic: Any, clock: ManualClock) -> None:
    """Three restarts in five seconds, one for one; any number of children."""
    root = dynamic(clock=clock)
    refs = [start_child(root, child_spec(Actor, dispatcher=POOLED)) for _ in range(100)]
    assert count_children(root).active == 100

    for ref in refs[:3]:
        ref.kill()
        wait_for_exit(ref)
    assert count_children(root).active == 100
    clock.advance(5)
    refs[3].kill()

    wait_for_exit(root)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_children": -1}, "max_children: "),
        ({"max_children": 1.5}, "max_children: "),
        ({"max_children": "many"}, "max_children: "),
        ({"flags": SupervisorFlags(ONE_FOR_ALL)}, "strategy: "),
    ],
)
def test_ex_start_link_with_non_ok_init(options: Any, sentence: str) -> None:
    """Every option that cannot be has a sentence of its own."""
    with pytest.raises(InvalidSupervisorFlags, match=sentence):
        DynamicSupervisor.start(**options)


def test_ex_start_child_supports_extra_arguments(dynamic: Any) -> None:
    """Shared arguments come before a child's own, at the first start and at restarts."""

    class Pair(Actor):
        def __init__(self, shared: str, own: str) -> None:
            super().__init__()
            self.pair = (shared, own)

        def on_receive(self, message: Any) -> Any:
            if message == "die":
                raise RuntimeError(message)
            return self.pair

    root = dynamic(extra_args=("shared",))
    ref = start_child(root, child_spec(Pair, "own"))
    assert ref is not None
    assert ref.ask("pair") == ("shared", "own")

    ref.tell("die")
    wait_for_exit(ref)
    (child,) = which_children(root)

    assert child.ref is not None
    assert child.ref is not ref
    assert child.ref.ask("pair") == ("shared", "own")


@pytest.mark.parametrize("fault", [RuntimeError("no"), RuntimeError, SystemExit(1), SystemExit])
@pytest.mark.parametrize("dispatcher", [OWN_THREAD, POOLED], ids=["own-thread", "pooled"])
def test_ex_start_child_with_throw_error_exit(dynamic: Any, fault: Any, dispatcher: Any) -> None:
    """A start that raises becomes an error with its traceback; the supervisor is unharmed."""
    script, root = Script("faulty"), dynamic()
    script.next_starts(fault)

    with pytest.raises(StartFailed) as caught:
        start_child(root, script.spec(dispatcher=dispatcher))

    assert isinstance(caught.value.reason, Crashed)
    assert "testing_children.py" in caught.value.reason.traceback_text()
    assert count_children(root) == Counts(0, 0, 0, 0)
    assert start_child(root, script.spec(dispatcher=dispatcher)) is not None


def test_ex_start_child_with_max_children(dynamic: Any) -> None:
    root = dynamic(max_children=1)
    ref = start_child(root, Script("one").spec())

    with pytest.raises(MaxChildren, match="1"):
        start_child(root, Script("two").spec())

    terminate_child(root, ref)
    assert start_child(root, Script("two").spec()) is not None


def test_ex_declined_children_are_not_counted_in_max_children(dynamic: Any) -> None:
    script, root = Script("child"), dynamic(max_children=1)
    script.next_starts(DECLINE, None)

    assert start_child(root, script.spec()) is None
    assert start_child(root, script.spec()) is not None


def test_ex_restarting_on_init_children_counted_in_max_children(dynamic: Any) -> None:
    """A child whose restarts fail still has its place."""
    _check_place_is_kept(dynamic, RuntimeError)


def test_ex_restarting_on_exit_children_counted_in_max_children(dynamic: Any) -> None:
    _check_place_is_kept(dynamic, RuntimeError("late"))


def _check_place_is_kept(dynamic: Any, fault: Any) -> None:
    script = Script("child")
    script.next_starts(None)
    script.always = fault
    root = dynamic(max_children=1, flags=SupervisorFlags(max_restarts=OFTEN))
    ref = start_child(root, script.spec())
    assert ref is not None

    ref.tell(Fail(RuntimeError("oops")))
    wait_for_exit(ref)

    with pytest.raises(MaxChildren):
        start_child(root, Script("other").spec())


# -- terminate/2: how each child is seen to end ----------------------------------------------------


def _stopped(dynamic: Any, watch: Any, clock: Any, script: Script, **options: Any) -> Any:
    root = dynamic(clock=clock)
    ref = start_child(root, script.spec(**options))
    assert ref is not None
    end = watch(ref)
    root.shutdown()
    assert wait_for_exit(root) == SHUTDOWN
    return end()


def _fail() -> None:
    raise RuntimeError("in on_stop")


def test_ex_terminate_with_brutal_kill(dynamic: Any, watch: Any, clock: ManualClock) -> None:
    assert _stopped(dynamic, watch, clock, Script(), shutdown=BRUTAL_KILL) == KILLED


def test_ex_terminate_with_infinity(dynamic: Any, watch: Any, clock: ManualClock) -> None:
    assert _stopped(dynamic, watch, clock, Script(), shutdown=INFINITY) == SHUTDOWN


def test_ex_terminate_with_infinity_and_abnormal_reason(
    dynamic: Any, watch: Any, clock: ManualClock
) -> None:
    script = Script()
    script.at_stop = _fail

    assert isinstance(_stopped(dynamic, watch, clock, script, shutdown=INFINITY), Crashed)


def test_ex_terminate_with_integer(dynamic: Any, watch: Any, clock: ManualClock) -> None:
    assert _stopped(dynamic, watch, clock, Script(), shutdown=5) == SHUTDOWN


def test_ex_terminate_with_integer_and_abnormal_reason(
    dynamic: Any, watch: Any, clock: ManualClock
) -> None:
    script = Script()
    script.at_stop = _fail

    assert isinstance(_stopped(dynamic, watch, clock, script, shutdown=5), Crashed)


@pytest.mark.parametrize("dispatcher", [OWN_THREAD, POOLED], ids=["own-thread", "pooled"])
def test_ex_terminate_with_expired_integer(
    dynamic: Any, watch: Any, clock: ManualClock, dispatcher: Any
) -> None:
    """One that is busy in Python when its time is over is killed."""
    root, gate = dynamic(clock=clock), Gate()
    ref = start_child(root, Script().spec(shutdown=1, dispatcher=dispatcher))
    assert ref is not None
    end = watch(ref)
    gate.open()
    ref.tell(Run(lambda: (gate.pass_through(), spin())))
    gate.wait_arrived()

    root.shutdown()
    wait_until(lambda: ref.mailbox_length() > 0, what="the request to stop")
    clock.advance(1)

    assert end() == KILLED


def test_ex_terminate_with_permanent_child_and_normal_reason(
    dynamic: Any, watch: Any, clock: ManualClock
) -> None:
    """A child that ends by itself during the stop is not restarted; its reason is its own."""
    script, gate = Script("holder"), Gate()
    script.at_stop = gate.pass_through
    root, other = dynamic(clock=clock), Script("other")
    start_child(root, script.spec())
    ref = start_child(root, other.spec(shutdown=INFINITY))
    assert ref is not None
    end, busy = watch(ref), Gate()
    ref.tell(Run(busy.pass_through))
    busy.wait_arrived()
    ref.tell(Exit(NORMAL))

    root.shutdown()
    gate.wait_arrived()
    busy.open()

    assert end() == NORMAL
    gate.open()
    assert wait_for_exit(root) == SHUTDOWN
    assert other.attempts == 1


def test_ex_terminate_with_mixed(dynamic: Any, watch: Any) -> None:
    """Children of all kinds in one stop, each seen to end in its own way."""
    root, crashing = dynamic(), Script("crashing")
    crashing.at_stop = _fail
    specs = [
        Script("brutal").spec(shutdown=BRUTAL_KILL),
        Script("patient").spec(shutdown=INFINITY),
        Script("polite").spec(shutdown=5, restart=TRANSIENT),
        crashing.spec(restart=TEMPORARY),
    ]
    ends = [watch(start_child(root, spec)) for spec in specs]

    root.shutdown()

    assert [type(end()).__name__ for end in ends] == ["Killed", "Shutdown", "Shutdown", "Crashed"]


# -- terminate_child/2 -----------------------------------------------------------------------------


@pytest.mark.parametrize(("shutdown", "reason"), [(BRUTAL_KILL, KILLED), (1, SHUTDOWN)])
def test_ex_terminate_child(dynamic: Any, watch: Any, shutdown: Any, reason: Any) -> None:
    """Brutal or polite; the second time it is not found."""
    root = dynamic()
    ref = start_child(root, Script().spec(shutdown=shutdown))
    assert ref is not None
    end = watch(ref)

    terminate_child(root, ref)

    assert end() == reason
    with pytest.raises(ChildNotFound):
        terminate_child(root, ref)
    assert count_children(root).specs == 0


def test_ex_terminates_restarting_child(dynamic: Any) -> None:
    """A child that waits for a retry is terminated by the ref of the one that ended; once."""
    script = Script("child")
    script.next_starts(None)
    script.always = RuntimeError
    root = dynamic(flags=SupervisorFlags(max_restarts=OFTEN))
    ref = start_child(root, script.spec())
    assert ref is not None
    ref.tell(Fail(RuntimeError("oops")))
    wait_for_exit(ref)
    (child,) = which_children(root)
    assert (child.ref, child.state) == (ref, ChildState.RESTARTING)

    terminate_child(root, ref)

    assert count_children(root).specs == 0
    with pytest.raises(ChildNotFound):
        terminate_child(root, ref)


# -- what ours adds --------------------------------------------------------------------------------


def test_ex_a_slow_start_delays_nobody_else(dynamic: Any) -> None:
    """While one child starts, others start, end and are counted."""
    slow, gate, root = Script("slow"), Gate(), dynamic()
    slow.next_starts(gate)
    answer = start_child_async(root, slow.spec())
    gate.wait_arrived()

    ref = start_child(root, Script("quick").spec())
    terminate_child(root, ref)
    assert count_children(root) == Counts(1, 1, 0, 1)
    assert not answer.done()
    gate.open()

    assert answer.get(timeout=20) is slow.wait_started()


def test_ex_a_start_that_takes_too_long_fails(dynamic: Any, clock: ManualClock) -> None:
    """Its thread waits in C, so it is abandoned after the kill."""
    slow, gate, root = Script("slow"), Gate(), dynamic(clock=clock)
    slow.next_starts(gate)
    answer = start_child_async(root, slow.spec(start_timeout=2))
    gate.wait_arrived()
    (child,) = which_children(root)
    ref = child.ref
    assert ref is not None

    clock.advance(2)
    wait_until(lambda: ref.kill_requested, what="the kill")
    clock.advance(1)

    with pytest.raises(StartFailed, match="start_timeout"):
        answer.get(timeout=20)
    assert count_children(root).specs == 0
    gate.open()


def test_ex_a_child_that_is_not_awaited_is_answered_at_once(dynamic: Any) -> None:
    slow, gate, root = Script("slow"), Gate(), dynamic()
    slow.next_starts(gate)

    ref = start_child(root, slow.spec(await_start=False))

    assert ref is not None
    gate.open()
    assert ref.ask("ping") == "ping"


def test_ex_a_child_that_is_not_awaited_is_seen_to_start_and_to_run(dynamic: Any) -> None:
    """Its supervisor has no message of it."""
    slow, gate, root = Script("slow"), Gate(), dynamic()
    slow.next_starts(gate)
    ref = start_child(root, slow.spec(await_start=False))
    assert [child.state for child in which_children(root)] == [ChildState.STARTING]
    gate.open()

    assert ref is not None
    assert ref.ask("ping") == "ping"
    assert [child.state for child in which_children(root)] == [ChildState.RUNNING]
    assert statistics(root).handled == 3


def test_otp_simple_one_for_one_scale_many_temporary_children(
    dynamic: Any, cpu_seconds: Any
) -> None:
    """Stopping ten times as many children costs about ten times as much."""
    spec = child_spec(Actor, restart=TEMPORARY, dispatcher=POOLED)

    def with_children(count: int) -> Any:
        root = dynamic()
        for future in [start_child_async(root, spec) for _ in range(count)]:
            future.get(timeout=HANG)
        return root

    few, many = (
        cpu_seconds(lambda count=count: with_children(count), lambda root: root.stop())
        for count in (100, 1_000)
    )

    assert many < 50 * few
