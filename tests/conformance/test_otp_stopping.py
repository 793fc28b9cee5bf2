"""OTP `supervisor_SUITE`, `sup_stop`: by time, by force, for ever, and in a race."""

from __future__ import annotations

from typing import Any

import pytest

from supervision import (
    ABANDONED,
    KILLED,
    NORMAL,
    POOLED,
    SHUTDOWN,
    Crashed,
    ManualClock,
    Ref,
    Shutdown,
    abandoned_threads,
    telemetry,
)
from supervision.administration import (
    start_child,
    start_child_async,
    terminate_child,
    terminate_child_async,
)
from supervision.specs import child_spec
from supervision.supervisor import Supervisor
from supervision.terms import BRUTAL_KILL, INFINITY, PERMANENT, SUPERVISOR, TEMPORARY, TRANSIENT
from supervision.testing import Gate, wait_for_exit, wait_until
from supervision.testing_children import Exit, Fail, Run, Script, children_of, spin


def _make_busy(ref: Ref, gate: Gate) -> None:
    ref.tell(Run(gate.pass_through))
    gate.wait_arrived()


def _wait_asked(ref: Ref) -> None:
    wait_until(lambda: ref.mailbox_length() > 0, what="the request to stop")


def test_otp_sup_stop_infinity(supervise: Any, watch: Any) -> None:
    """Both workers and supervisors may take as long as it takes; all end with shutdown."""
    worker, branch = Script("worker"), Script("branch")
    root = supervise(
        worker.spec(shutdown=INFINITY), branch.spec(shutdown=INFINITY, type=SUPERVISOR)
    )
    reasons = [watch(ref) for ref in (worker.wait_started(), branch.wait_started(), root)]

    root.shutdown()

    assert [reason() for reason in reasons] == [SHUTDOWN, SHUTDOWN, SHUTDOWN]


def test_otp_sup_stop_timeout(supervise: Any, watch: Any, clock: ManualClock) -> None:
    """A child that is busy past its time is killed, and abandoned if its thread does not react."""
    polite, stuck = Script("polite"), Script("stuck")
    root = supervise(stuck.spec(shutdown=10), polite.spec(), clock=clock)
    stuck_ref, gate = stuck.wait_started(), Gate()
    ends = watch(stuck_ref), watch(polite.wait_started()), watch(root)
    _make_busy(stuck_ref, gate)
    abandoned = len(abandoned_threads())

    root.shutdown()
    _wait_asked(stuck_ref)
    clock.advance(10)  # its time is over: it is killed, but waits inside C
    wait_until(lambda: stuck_ref.kill_requested, what="the kill")
    clock.advance(1)  # the grace is over

    assert [end() for end in ends] == [ABANDONED, SHUTDOWN, SHUTDOWN]
    assert len(abandoned_threads()) == abandoned + 1
    gate.open()
    wait_until(lambda: len(abandoned_threads()) == abandoned, what="the thread to come back")


def test_otp_sup_stop_timeout_killed(supervise: Any, watch: Any, clock: ManualClock) -> None:
    """A child that is busy in Python past its time is killed, and not abandoned."""
    busy, gate = Script("busy"), Gate()
    root = supervise(busy.spec(shutdown=10), clock=clock)
    ref = busy.wait_started()
    end = watch(ref)
    gate.open()
    ref.tell(Run(lambda: (gate.pass_through(), spin())))
    gate.wait_arrived()

    root.shutdown()
    _wait_asked(ref)
    clock.advance(10)

    assert end() == KILLED


def test_otp_sup_stop_timeout_dynamic(dynamic: Any, watch: Any, clock: ManualClock) -> None:
    """The same under a dynamic supervisor, where nobody waits for the others."""
    root, gate = dynamic(clock=clock), Gate()
    polite = [start_child(root, Script(n).spec()) for n in range(5)]
    stuck = start_child(root, Script("stuck").spec(shutdown=10))
    ends = [watch(ref) for ref in polite]
    stuck_end, root_end = watch(stuck), watch(root)
    _make_busy(stuck, gate)

    root.shutdown()
    assert [end() for end in ends] == [SHUTDOWN] * 5
    clock.advance(10)
    wait_until(lambda: stuck.kill_requested, what="the kill")
    clock.advance(1)

    assert (stuck_end(), root_end()) == (ABANDONED, SHUTDOWN)
    gate.open()


def test_otp_sup_stop_brutal_kill(supervise: Any, watch: Any) -> None:
    """Each child chooses; one that is killed does not clean up."""
    journal: list[Any] = []
    polite, brutal = Script("polite", journal), Script("brutal", journal)
    root = supervise(polite.spec(), brutal.spec(shutdown=BRUTAL_KILL))
    ends = watch(polite.wait_started()), watch(brutal.wait_started())

    root.shutdown()

    assert [end() for end in ends] == [SHUTDOWN, KILLED]
    assert journal[2:] == [("stop", "polite")]


@pytest.mark.parametrize("options", [{}, {"dispatcher": POOLED}], ids=["own-thread", "pooled"])
def test_otp_sup_stop_brutal_kill_dynamic(dynamic: Any, watch: Any, options: Any) -> None:
    """Ten dynamic children, all killed."""
    root = dynamic()
    spec = Script("brutal").spec(shutdown=BRUTAL_KILL, **options)
    ends = [watch(start_child(root, spec)) for _ in range(10)]

    root.shutdown()

    assert [end() for end in ends] == [KILLED] * 10


def test_otp_sup_stop_race(supervise: Any, watch: Any) -> None:
    """Children of all restart types end by themselves, four ways, while their supervisor stops."""
    oops = RuntimeError("oops")
    ways = {Exit(NORMAL): NORMAL, Exit(SHUTDOWN): SHUTDOWN, Exit(Shutdown(1)): Shutdown(1)}
    ways[Fail(oops)] = Crashed(oops)
    scripts = [
        (Script((restart, n)), restart, message)
        for restart in (PERMANENT, TRANSIENT, TEMPORARY)
        for n, message in enumerate(ways)
    ]
    last, gate = Script("last"), Gate()
    last.at_stop = gate.pass_through  # it stops first, and holds the stop up there
    root = supervise(*[s.spec(restart=restart) for s, restart, _ in scripts], last.spec())
    refs = [script.wait_started() for script, _, _ in scripts]
    ends, root_end = [watch(ref) for ref in refs], watch(root)

    root.shutdown()
    gate.wait_arrived()
    for ref, (_, _, message) in zip(refs, scripts, strict=True):
        ref.tell(message)
    reasons = [end() for end in ends]
    gate.open()

    assert root_end() == SHUTDOWN
    assert reasons == [ways[message] for _, _, message in scripts]
    assert [script.attempts for script, _, _ in scripts] == [1] * len(scripts)


def test_otp_sup_stop_non_shutdown_exit_dynamic(dynamic: Any, watch: Any) -> None:
    """Dynamic children that answer a shutdown by crashing do not hang or crash the stop."""
    root, ends = dynamic(), []
    for number in range(8):
        script = Script(number)
        if number % 2:
            script.at_stop = _fail
        ends.append(watch(start_child(root, script.spec())))
    root_end = watch(root)

    root.shutdown()

    assert root_end() == SHUTDOWN
    assert [isinstance(end(), Crashed) for end in ends] == [False, True] * 4


def test_otp_child_unlink(supervise: Any, watch: Any, clock: ManualClock) -> None:
    """A child that swallows its request to stop cannot hang its supervisor's stop."""
    script, gate = Script(), Gate()
    script.at_stop = gate.pass_through
    root = supervise(script.spec(shutdown=1), clock=clock)
    ref = script.wait_started()
    root_end = watch(root)

    root.shutdown()
    gate.wait_arrived()
    clock.advance(1)
    wait_until(lambda: ref.kill_requested, what="the kill")
    clock.advance(1)

    assert root_end() == SHUTDOWN
    gate.open()


def test_otp_simple_one_for_one_shutdown(dynamic: Any, watch: Any, clock: ManualClock) -> None:
    """Dynamic children shut down in parallel: the slowest decides, not the sum."""
    root, gates, ends = dynamic(clock=clock), [], []
    for number in range(5):
        gate = Gate()
        ref = start_child(root, Script(number).spec(shutdown=10, dispatcher=None))
        _make_busy(ref, gate)
        gates.append(gate)
        ends.append((ref, watch(ref)))

    root.shutdown()
    for ref, _ in ends:
        _wait_asked(ref)  # all have been asked, and none has ended
    clock.advance(9)
    for gate in gates:
        gate.open()

    assert [end() for _, end in ends] == [SHUTDOWN] * 5


def test_otp_shutdown_while_a_child_starts(supervise: Any, watch: Any) -> None:
    """A request to stop that comes while a child starts breaks the start off at once."""
    journal: list[Any] = []
    first, slow, never = (Script(name, journal) for name in ("first", "slow", "never"))
    gate = Gate()
    slow.next_starts(gate)
    root = supervise(first.spec())
    root_end = watch(root)

    answer = start_child_async(root, slow.spec())
    gate.wait_arrived()
    later = start_child_async(root, never.spec())
    root.shutdown()
    wait_until(lambda: root.mailbox_length() == 0, what="the supervisor to notice")
    gate.open()

    assert root_end() == SHUTDOWN
    assert "is not running" in str(answer.exception())
    assert "is not running" in str(later.exception())
    assert never.attempts == 0
    assert journal == [("start", "first"), ("start", "slow"), ("stop", "slow"), ("stop", "first")]


def test_otp_stop_while_a_child_is_waited_for(supervise: Any, watch: Any) -> None:
    """A supervisor that waits for a child to stop still takes a request to stop itself."""
    script, gate = Script("slow"), Gate()
    script.at_stop = gate.pass_through
    root = supervise(script.spec(shutdown=INFINITY), Script("other").spec())
    root_end = watch(root)

    answer = terminate_child_async(root, "slow")
    gate.wait_arrived()
    stopped = root.stop(block=False)
    gate.open()

    assert answer.get(timeout=20) is None
    assert stopped.get(timeout=20) is True
    assert root_end() == NORMAL


def test_otp_terminate_child_twice_at_once_dynamic(dynamic: Any) -> None:
    """Two who ask for one stop both hear of its end."""
    root, script, gate = dynamic(), Script(), Gate()
    script.at_stop = gate.pass_through
    ref = start_child(root, script.spec())

    answers = [terminate_child_async(root, ref) for _ in range(2)]
    gate.wait_arrived()
    gate.open()

    assert [answer.get(timeout=20) for answer in answers] == [None, None]
    assert not ref.is_alive()


def test_otp_killed_supervisor_takes_its_children_along(supervise: Any, watch: Any) -> None:
    """Children never outlive their supervisor, however it ends."""
    leaf = Script("leaf")
    root = supervise(child_spec(Supervisor, [leaf.spec()], id="branch", restart=TEMPORARY))
    leaf_ref = leaf.wait_started()
    branch = children_of(root)["branch"].ref
    assert branch is not None
    branch.kill()

    assert wait_for_exit(branch) == KILLED
    assert leaf_ref.exit_reason == KILLED


def _fail() -> None:
    raise RuntimeError("in on_stop")


def test_otp_terminate_child_that_is_stuck_dynamic(dynamic: Any, clock: ManualClock) -> None:
    """While one child is being stopped the supervisor answers others."""
    root, gate = dynamic(clock=clock), Gate()
    stuck = start_child(root, Script("stuck").spec(shutdown=5))
    _make_busy(stuck, gate)
    answer = terminate_child_async(root, stuck)

    other = start_child(root, Script("other").spec())
    terminate_child(root, other)
    clock.advance(5)
    wait_until(lambda: stuck.kill_requested, what="the kill")
    clock.advance(1)

    assert answer.get(timeout=20) is None
    assert stuck.exit_reason == ABANDONED
    gate.open()


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_otp_supervisor_killed_while_it_handles_an_exit(
    supervise: Any, dynamic: Any, watch: Any, clock: ManualClock, kind: str
) -> None:
    """The exit that it had taken from its mailbox is not waited for a second time."""
    crashing, other, gate = Script("crashing"), Script("other"), Gate()
    root = supervise(clock=clock) if kind == "static" else dynamic(clock=clock)
    refs = [start_child(root, script.spec()) for script in (crashing, other)]
    root_end = watch(root)
    detach = telemetry.attach(
        lambda event, _: gate.pass_through() if event == telemetry.CHILD_ENDED else None
    )

    refs[0].tell(Fail(RuntimeError("oops")))
    gate.wait_arrived()
    root.kill()
    detach()
    gate.open()

    assert root_end() == KILLED
    assert [ref.is_alive() for ref in refs] == [False, False]
