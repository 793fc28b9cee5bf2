"""A child that waits before it is started again, under both kinds of supervisor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from supervision import (
    INFINITY,
    ONE_FOR_ALL,
    REST_FOR_ONE,
    SHUTDOWN,
    TRANSIENT,
    AlreadyPresent,
    Backoff,
    ChildNotFound,
    ChildRestarting,
    ChildState,
    Counts,
    DynamicSupervisor,
    GaveUp,
    ManualClock,
    MaxChildren,
    Ref,
    Shutdown,
    Supervisor,
    SupervisorFlags,
    count_children,
    delete_child,
    format_tree,
    restart_child,
    start_child,
    terminate_child,
    terminate_child_async,
    tree,
    which_children,
)
from supervision.telemetry import RESTART_DELAYED, attach
from supervision.testing import Gate, wait_for_exit, wait_until
from supervision.testing_children import DECLINE, Exit, Fail, Script, children_of

Keep = Callable[[Ref], Ref]
STEADY = Backoff(2.0, 8.0, jitter=0.0, reset_after=100.0)


@pytest.fixture(params=[Supervisor, DynamicSupervisor], ids=["static", "dynamic"])
def begin(request: pytest.FixtureRequest, keep: Keep, clock: ManualClock) -> Callable[..., Ref]:
    """Start a supervisor of either kind with one child: `root = begin(spec, flags, ...)`."""

    def start(spec: Any, flags: SupervisorFlags | None = None, **options: Any) -> Ref:
        flags = flags or SupervisorFlags()
        if request.param is Supervisor:
            return keep(Supervisor.start([spec], flags, clock=clock, **options))
        root = keep(DynamicSupervisor.start(flags, clock=clock, **options))
        start_child(root, spec)
        return root

    return start


def crash(ref: Ref) -> None:
    ref.tell(Fail(RuntimeError("oops")))
    wait_for_exit(ref)


def crash_under(root: Ref, ref: Ref) -> None:
    """Crash a child, and return when its supervisor has heard of it: its wait has begun."""
    crash(ref)
    count_children(root)


def only_child(root: Ref) -> Any:
    (child,) = which_children(root)
    return child


def wait_seconds(root: Ref, clock: ManualClock) -> float:
    """The seconds until the next attempt, as which_children has it."""
    due = only_child(root).next_restart
    assert due is not None
    seconds: float = (due - clock.now()).total_seconds()
    return seconds


def test_a_child_that_has_ended_waits_and_is_started_again(begin: Any, clock: ManualClock) -> None:
    script = Script()
    root = begin(script.spec(backoff=STEADY))
    crash_under(root, script.wait_started())

    assert only_child(root).state is ChildState.RESTARTING
    assert count_children(root) == Counts(specs=1, active=0, supervisors=0, workers=1)
    clock.advance(1.9)
    assert only_child(root).state is ChildState.RESTARTING
    assert script.attempts == 1
    clock.advance(0.1)

    again = script.wait_started()
    assert only_child(root).ref is again
    assert only_child(root).restarts == 1
    assert only_child(root).next_restart is None


def test_each_failure_waits_longer_whether_the_start_failed_or_the_child(
    begin: Any, clock: ManualClock
) -> None:
    script = Script()
    script.next_starts(None, RuntimeError, RuntimeError("late"), None, None)
    root = begin(script.spec(backoff=STEADY), SupervisorFlags(max_restarts=9))
    crash_under(root, script.wait_started())

    waits = []
    for _ in range(3):
        waits.append(wait_seconds(root, clock))
        clock.advance(waits[-1])
        _wait_until_it_waits_or_runs(root)
    crash_under(root, script.wait_started())
    waits.append(wait_seconds(root, clock))

    assert waits == [2.0, 4.0, 8.0, 8.0]


def _wait_until_it_waits_or_runs(root: Ref) -> None:
    """The attempt is a message that the supervisor sends itself: look until it is through."""

    def through() -> bool:
        child = only_child(root)
        return child.state is ChildState.RUNNING or child.next_restart is not None

    wait_until(through, what="the attempt")


def test_after_a_long_run_the_waits_begin_anew(begin: Any, clock: ManualClock) -> None:
    script = Script()
    root = begin(script.spec(backoff=STEADY), SupervisorFlags(max_restarts=9))
    waits = []
    for ran_for in (0.0, 99.0, 100.0):
        ref = script.wait_started()
        _wait_until_it_waits_or_runs(root)
        clock.advance(ran_for)
        crash_under(root, ref)
        waits.append(wait_seconds(root, clock))
        clock.advance(waits[-1])

    assert waits == [2.0, 4.0, 2.0]


def test_the_jitter_is_drawn_for_each_wait(begin: Any, clock: ManualClock) -> None:
    script, numbers = Script(), iter([0.5, 0.25])
    backoff = Backoff(8.0, 8.0, jitter=0.5)
    root = begin(script.spec(backoff=backoff), draw=lambda: next(numbers))
    waits = []
    for _ in range(2):
        crash_under(root, script.wait_started())
        waits.append(wait_seconds(root, clock))
        clock.advance(waits[-1])

    assert waits == [6.0, 7.0]


def test_a_restart_that_waits_counts_against_the_intensity(begin: Any, clock: ManualClock) -> None:
    script = Script()
    flags = SupervisorFlags(max_restarts=1, max_seconds=60)
    root = begin(script.spec(backoff=STEADY), flags)
    crash_under(root, script.wait_started())
    clock.advance(2)
    crash(script.wait_started())

    reason = wait_for_exit(root)
    assert isinstance(reason, Shutdown)
    assert isinstance(reason.detail, GaveUp)
    assert script.attempts == 2


def test_starts_that_fail_use_up_the_intensity(begin: Any, clock: ManualClock) -> None:
    script = Script()
    script.next_starts(None)
    script.always = RuntimeError("no luck")
    root = begin(script.spec(backoff=STEADY), SupervisorFlags(max_restarts=2, max_seconds=60))
    crash_under(root, script.wait_started())
    for seconds in (2, 4):
        clock.advance(seconds)
        if seconds == 2:
            _wait_until_it_waits_or_runs(root)

    assert isinstance(wait_for_exit(root), Shutdown)
    assert script.attempts == 3


def test_a_supervisor_can_be_stopped_while_a_child_waits(begin: Any, clock: ManualClock) -> None:
    script = Script()
    root = begin(script.spec(backoff=STEADY))
    crash_under(root, script.wait_started())

    root.shutdown()

    assert wait_for_exit(root) == SHUTDOWN
    clock.advance(2)
    assert script.attempts == 1


def test_a_supervisor_can_be_killed_while_a_child_waits(begin: Any, clock: ManualClock) -> None:
    script = Script()
    root = begin(script.spec(backoff=STEADY))
    crash_under(root, script.wait_started())

    root.kill()
    wait_for_exit(root)

    clock.advance(2)
    assert script.attempts == 1


def test_a_child_that_declines_its_restart_is_not_started_again(
    begin: Any, clock: ManualClock
) -> None:
    script = Script()
    script.next_starts(None, DECLINE)
    root = begin(script.spec(backoff=STEADY))
    crash_under(root, script.wait_started())
    clock.advance(2)
    wait_until(lambda: script.attempts == 2, what="the attempt")

    assert count_children(root).active == 0
    clock.advance(60)
    assert count_children(root).active == 0
    assert script.attempts == 2


def test_telemetry_says_how_long(begin: Any) -> None:
    script, seen = Script(), []
    detach = attach(lambda event, fields: seen.append(fields) if event == RESTART_DELAYED else None)
    root = begin(script.spec(backoff=STEADY))
    crash_under(root, script.wait_started())
    detach()

    (fields,) = seen
    assert (fields["supervisor"], fields["child_id"], fields["seconds"]) == (root, "child", 2.0)


def test_the_tree_shows_when_the_next_attempt_is_due(begin: Any, clock: ManualClock) -> None:
    script = Script()
    root = begin(script.spec(backoff=STEADY))
    crash_under(root, script.wait_started())

    node = tree(root).find("child")

    assert node is not None
    assert node.next_restart == clock.now() + timedelta(seconds=2)
    assert "restarting  next attempt 2026-01-01 00:00:02" in format_tree(node)


# -- a static supervisor -------------------------------------------------------------------------


def test_a_child_that_waits_can_be_terminated_and_restarted_by_hand(
    keep: Keep, clock: ManualClock
) -> None:
    script = Script()
    root = keep(Supervisor.start([script.spec(backoff=STEADY)], clock=clock))
    crash_under(root, script.wait_started())
    for refused in (restart_child, delete_child):
        with pytest.raises(ChildRestarting):
            refused(root, "child")
    with pytest.raises(AlreadyPresent):
        start_child(root, script.spec())

    terminate_child(root, "child")
    clock.advance(2)

    assert children_of(root)["child"].state is ChildState.STOPPED
    assert children_of(root)["child"].next_restart is None
    assert restart_child(root, "child") is script.wait_started()
    assert script.attempts == 2


def test_a_group_is_stopped_at_once_and_started_after_the_wait(
    keep: Keep, clock: ManualClock
) -> None:
    journal: list[Any] = []
    one, two, three = (Script(name, journal) for name in ("one", "two", "three"))
    specs = [one.spec(), two.spec(backoff=STEADY), three.spec()]
    root = keep(Supervisor.start(specs, SupervisorFlags(ONE_FOR_ALL), clock=clock))
    journal.clear()

    crash_under(root, two.wait_started())
    assert count_children(root).active == 0
    assert journal == [("stop", "three"), ("stop", "one")]
    clock.advance(2)
    for script in (one, three):
        script.wait_started()
        script.wait_started()

    assert journal[2:] == [("start", name) for name in ("one", "two", "three")]


def test_a_child_of_a_group_that_fails_to_start_stops_it_again_and_waits_longer(
    keep: Keep, clock: ManualClock
) -> None:
    one, two = Script("one"), Script("two")
    two.next_starts(None, RuntimeError("no"))
    specs = [one.spec(), two.spec(backoff=STEADY)]
    root = keep(Supervisor.start(specs, SupervisorFlags(ONE_FOR_ALL), clock=clock))
    one.wait_started()
    crash_under(root, two.wait_started())
    clock.advance(2)
    again = one.wait_started()
    wait_for_exit(again)

    child = children_of(root)["two"]
    assert child.next_restart == clock.now() + timedelta(seconds=4)
    assert count_children(root).active == 0
    clock.advance(4)
    assert two.wait_started().is_alive()
    assert one.wait_started() is not again


def test_a_group_that_waits_is_started_with_one_before_it(keep: Keep, clock: ManualClock) -> None:
    """An earlier child's immediate restart takes the later ones along: they wait no longer."""
    one, two = Script("one"), Script("two")
    specs = [one.spec(), two.spec(backoff=STEADY)]
    root = keep(Supervisor.start(specs, SupervisorFlags(REST_FOR_ONE), clock=clock))
    first = one.wait_started()
    crash_under(root, two.wait_started())
    crash_under(root, first)
    one.wait_started()

    again = two.wait_started()
    clock.advance(2)

    assert children_of(root)["two"].ref is again
    assert two.attempts == 2


def test_what_is_due_while_another_child_is_waited_for_is_done_next(
    keep: Keep, clock: ManualClock
) -> None:
    slow, waiting = Script("slow"), Script("waiting")
    gate = Gate()
    slow.at_stop = gate.pass_through
    specs = [slow.spec(shutdown=INFINITY), waiting.spec(backoff=STEADY)]
    root = keep(Supervisor.start(specs, clock=clock))
    crash_under(root, waiting.wait_started())
    answer = terminate_child_async(root, "slow")
    gate.wait_arrived()
    clock.advance(2)
    assert waiting.attempts == 1
    gate.open()

    answer.get(timeout=20)
    assert waiting.wait_started().is_alive()


# -- a dynamic supervisor --------------------------------------------------------------------------


def test_a_dynamic_child_that_waits_is_terminated_by_the_ref_of_the_one_that_ended(
    keep: Keep, clock: ManualClock
) -> None:
    script = Script()
    root = keep(DynamicSupervisor.start(clock=clock, max_children=1))
    ref = start_child(root, script.spec(backoff=STEADY))
    assert ref is not None
    crash_under(root, ref)
    with pytest.raises(MaxChildren):
        start_child(root, Script("other").spec())

    terminate_child(root, ref)
    with pytest.raises(ChildNotFound):
        terminate_child(root, ref)
    clock.advance(2)

    assert count_children(root).specs == 0
    assert script.attempts == 1


def test_dynamic_children_wait_each_on_its_own(keep: Keep, clock: ManualClock) -> None:
    root = keep(DynamicSupervisor.start(clock=clock))
    scripts = {seconds: Script(seconds) for seconds in (3, 1, 2)}
    for seconds, script in scripts.items():
        ref = start_child(root, script.spec(backoff=Backoff(seconds, seconds, jitter=0.0)))
        assert ref is script.wait_started()
        crash_under(root, ref)

    for seconds in (1, 2, 3):
        clock.advance(1)
        scripts[seconds].wait_started()
        assert [s for s in (1, 2, 3) if scripts[s].attempts == 2] == list(range(1, seconds + 1))


def test_a_transient_child_that_ends_normally_is_not_started_again(
    begin: Any, clock: ManualClock
) -> None:
    script = Script()
    root = begin(script.spec(restart=TRANSIENT, backoff=STEADY))
    ref = script.wait_started()
    ref.tell(Exit())
    wait_for_exit(ref)

    assert count_children(root).active == 0
    assert all(child.next_restart is None for child in which_children(root))


def test_on_the_machines_own_clock_a_short_wait_passes_by_itself(keep: Keep) -> None:
    script = Script()
    root = keep(Supervisor.start([script.spec(backoff=Backoff(0.01, 0.01))]))
    crash_under(root, script.wait_started())

    assert script.wait_started().is_alive()
