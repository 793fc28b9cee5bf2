"""OTP `supervisor_SUITE`, restarts: types, strategies, intensity, and restarts that fail."""

from __future__ import annotations

from typing import Any

import pytest

from supervision import (
    NORMAL,
    SHUTDOWN,
    ChildRestarting,
    Crashed,
    ManualClock,
    Ref,
    Registry,
    Shutdown,
    StartFailed,
    spawn,
)
from supervision.administration import (
    count_children,
    delete_child,
    restart_child,
    start_child,
    terminate_child,
    which_children,
)
from supervision.children import ChildState, Counts
from supervision.dynamic_supervisor import DynamicSupervisor
from supervision.errors import AlreadyPresent
from supervision.reasons import ExitReason
from supervision.reports import GaveUp
from supervision.specs import ChildSpec, SupervisorFlags, child_spec
from supervision.supervisor import Supervisor
from supervision.terms import (
    ONE_FOR_ALL,
    ONE_FOR_ONE,
    PERMANENT,
    REST_FOR_ONE,
    SUPERVISOR,
    TEMPORARY,
    TRANSIENT,
    Restart,
)
from supervision.testing import wait_for_exit
from supervision.testing_children import DECLINE, Exit, Fail, Script, Scripted, children_of

OFTEN = 1_000_000_000  # an intensity that is never exceeded


def crash(ref: Ref) -> ExitReason:
    ref.tell(Fail(RuntimeError("oops")))
    return wait_for_exit(ref)


def gave_up(reason: ExitReason) -> bool:
    return isinstance(reason, Shutdown) and isinstance(reason.detail, GaveUp)


def refs_of(root: Ref) -> dict[Any, Ref | None]:
    return {child_id: child.ref for child_id, child in children_of(root).items()}


def scripts(*names: str) -> tuple[list[Script], list[Any]]:
    """Return scripts that share one journal, and the journal."""
    journal: list[Any] = []
    return [Script(name, journal) for name in names], journal


# -- restart type and exit reason ------------------------------------------------------------------


def _ends(supervise: Any, restart: Restart, message: Any) -> tuple[Script, Ref]:
    script = Script("child")
    root = supervise(script.spec(restart=restart))
    ref = script.wait_started()
    ref.tell(message)
    wait_for_exit(ref)
    return script, root


def _always_restarts(supervise: Any, restart: Restart, message: Any) -> None:
    script, root = _ends(supervise, restart, message)
    assert children_of(root)["child"].state is ChildState.RUNNING
    assert script.attempts == 2


def _kept_but_not_restarted(supervise: Any, message: Any) -> None:
    script, root = _ends(supervise, TRANSIENT, message)
    assert children_of(root)["child"].state is ChildState.STOPPED
    assert script.attempts == 1
    assert restart_child(root, "child") is not None


def _forgotten(supervise: Any, message: Any) -> None:
    script, root = _ends(supervise, TEMPORARY, message)
    assert which_children(root) == []
    assert start_child(root, script.spec()) is not None


def test_otp_permanent_normal(supervise: Any) -> None:
    _always_restarts(supervise, PERMANENT, Exit(NORMAL))


def test_otp_permanent_shutdown(supervise: Any) -> None:
    _always_restarts(supervise, PERMANENT, Exit(SHUTDOWN))


def test_otp_permanent_abnormal(supervise: Any) -> None:
    _always_restarts(supervise, PERMANENT, Fail(RuntimeError("oops")))


def test_otp_transient_normal(supervise: Any) -> None:
    _kept_but_not_restarted(supervise, Exit(NORMAL))


@pytest.mark.parametrize("reason", [SHUTDOWN, Shutdown("info")])
def test_otp_transient_shutdown(supervise: Any, reason: Any) -> None:
    _kept_but_not_restarted(supervise, Exit(reason))


def test_otp_transient_abnormal(supervise: Any) -> None:
    _always_restarts(supervise, TRANSIENT, Fail(RuntimeError("oops")))


def test_otp_temporary_normal(supervise: Any) -> None:
    _forgotten(supervise, Exit(NORMAL))


def test_otp_temporary_shutdown(supervise: Any) -> None:
    _forgotten(supervise, Exit(SHUTDOWN))


def test_otp_temporary_abnormal(supervise: Any) -> None:
    _forgotten(supervise, Fail(RuntimeError("oops")))


@pytest.mark.parametrize("strategy", [ONE_FOR_ALL, REST_FOR_ONE])
def test_otp_temporary_bystander(supervise: Any, strategy: Any) -> None:
    """A temporary child that is stopped for a sibling is gone, and costs no restart."""
    crashing, bystander = Script("crashing"), Script("bystander")
    root = supervise(
        crashing.spec(),
        bystander.spec(restart=TEMPORARY),
        flags=SupervisorFlags(strategy, max_restarts=1),
    )

    crash(crashing.wait_started())

    assert list(refs_of(root)) == ["crashing"]
    assert bystander.attempts == 1
    assert root.is_alive()


# -- intensity -------------------------------------------------------------------------------------


def test_otp_multiple_restarts(supervise: Any, clock: ManualClock) -> None:
    """Restarts wider apart than the period never trip the limit: the window slides."""
    script = Script("child")
    root = supervise(
        script.spec(), flags=SupervisorFlags(max_restarts=1, max_seconds=1), clock=clock
    )

    ref = script.wait_started()
    for _ in range(10):
        crash(ref)
        ref = script.wait_started()
        clock.advance(1.1)

    assert children_of(root)["child"].restarts == 10


# -- one_for_one -----------------------------------------------------------------------------------


def test_otp_one_for_one(supervise: Any) -> None:
    """Only the crashed child changes; exceeding the intensity ends the supervisor."""
    (one, two), _ = scripts("one", "two")
    root = supervise(one.spec(), two.spec(), flags=SupervisorFlags(max_restarts=1))
    first, sibling = one.wait_started(), two.wait_started()

    crash(first)
    assert refs_of(root) == {"one": one.wait_started(), "two": sibling}

    crash(sibling)
    assert gave_up(wait_for_exit(root))
    assert two.attempts == 1


def test_otp_one_for_one_escalation(supervise: Any) -> None:
    """A child that cannot restart uses the intensity up and takes everybody along."""
    (faulty, sibling), journal = scripts("faulty", "sibling")
    faulty.next_starts(None)
    faulty.always = RuntimeError("no luck")
    root = supervise(faulty.spec(), sibling.spec(), flags=SupervisorFlags(max_restarts=4))

    crash(faulty.wait_started())

    assert gave_up(wait_for_exit(root))
    assert faulty.attempts == 1 + 4
    assert journal[-1] == ("stop", "sibling")


# -- one_for_all -----------------------------------------------------------------------------------


def test_otp_one_for_all(supervise: Any) -> None:
    """All old children go, all new ones come; then the intensity is exceeded."""
    (one, two), journal = scripts("one", "two")
    flags = SupervisorFlags(ONE_FOR_ALL, max_restarts=1)
    root = supervise(one.spec(), two.spec(), flags=flags)
    old = [one.wait_started(), two.wait_started()]

    crash(old[0])
    new = [one.wait_started(), two.wait_started()]

    assert [ref.is_alive() for ref in old] == [False, False]
    assert refs_of(root) == {"one": new[0], "two": new[1]}
    assert journal[2:] == [("stop", "two"), ("start", "one"), ("start", "two")]
    crash(new[1])
    assert gave_up(wait_for_exit(root))


def test_otp_one_for_all_escalation(supervise: Any) -> None:
    """The same when another child is the one that fails to start."""
    (one, two), _ = scripts("one", "two")
    two.next_starts(None)
    two.always = RuntimeError("no luck")
    root = supervise(one.spec(), two.spec(), flags=SupervisorFlags(ONE_FOR_ALL, max_restarts=3))

    crash(one.wait_started())

    assert gave_up(wait_for_exit(root))
    assert two.attempts == 1 + 3


def test_otp_one_for_all_other_child_fails_restart(supervise: Any) -> None:
    """What was restarted before the failure is stopped again before the next attempt."""
    (one, two), journal = scripts("one", "two")
    two.next_starts(None, RuntimeError("no luck"), None)
    root = supervise(one.spec(), two.spec(), flags=SupervisorFlags(ONE_FOR_ALL))

    crash(one.wait_started())
    for _ in range(2):
        two.wait_started()

    assert journal == [
        ("start", "one"),
        ("start", "two"),
        ("stop", "two"),
        ("start", "one"),
        ("stop", "one"),
        ("start", "one"),
        ("start", "two"),
    ]
    assert count_children(root).active == 2


# -- rest_for_one ----------------------------------------------------------------------------------


def test_otp_rest_for_one(supervise: Any) -> None:
    """Those after the crashed one are replaced, those before keep their identity."""
    (one, two, three), _ = scripts("one", "two", "three")
    flags = SupervisorFlags(REST_FOR_ONE, max_restarts=1)
    root = supervise(one.spec(), two.spec(), three.spec(), flags=flags)
    old = [script.wait_started() for script in (one, two, three)]

    crash(old[1])
    new = [two.wait_started(), three.wait_started()]

    assert list(refs_of(root).values()) == [old[0], *new]
    crash(new[1])
    assert gave_up(wait_for_exit(root))


def test_otp_rest_for_one_escalation(supervise: Any) -> None:
    """A later child that fails to start escalates."""
    (one, two), _ = scripts("one", "two")
    two.next_starts(None)
    two.always = RuntimeError("no luck")
    root = supervise(one.spec(), two.spec(), flags=SupervisorFlags(REST_FOR_ONE, max_restarts=2))

    crash(one.wait_started())

    assert gave_up(wait_for_exit(root))
    assert (one.attempts, two.attempts) == (2, 1 + 2)


def test_otp_rest_for_one_other_child_fails_restart(supervise: Any) -> None:
    """A retry resumes at the failed child: the one restarted before is not restarted again."""
    (one, two), journal = scripts("one", "two")
    two.next_starts(None, RuntimeError("no luck"), None)
    root = supervise(one.spec(), two.spec(), flags=SupervisorFlags(REST_FOR_ONE))

    crash(one.wait_started())
    for _ in range(2):
        two.wait_started()

    assert journal[2:] == [("stop", "two"), ("start", "one"), ("start", "two")]
    assert count_children(root).active == 2


def test_otp_order_of_children(supervise: Any) -> None:
    """Start in the given order, stop in reverse; also within a rest_for_one restart."""
    names = ["m", "z", "a", "q"]
    all_scripts, journal = scripts(*names)
    flags = SupervisorFlags(REST_FOR_ONE)
    root = supervise(*[script.spec() for script in all_scripts], flags=flags)

    crash(all_scripts[1].wait_started())
    assert list(refs_of(root)) == names
    root.stop()

    assert journal == [
        *[("start", name) for name in names],
        *[("stop", name) for name in ("q", "a")],
        *[("start", name) for name in ("z", "a", "q")],
        *[("stop", name) for name in reversed(names)],
    ]


# -- simple_one_for_one ----------------------------------------------------------------------------


def test_otp_simple_one_for_one(dynamic: Any) -> None:
    """Only the crashed child changes; exceeding the intensity ends the supervisor."""
    one, two = Script("one"), Script("two")
    root = dynamic(flags=SupervisorFlags(max_restarts=1))
    first, sibling = start_child(root, one.spec()), start_child(root, two.spec())
    one.wait_started()

    crash(first)
    assert {child.ref for child in which_children(root)} == {one.wait_started(), sibling}

    crash(sibling)
    assert gave_up(wait_for_exit(root))


def test_otp_simple_one_for_one_extra(dynamic: Any) -> None:
    """Arguments that all children share come first, at restarts, too."""
    script = Script("child")
    root = dynamic(extra_args=(script,))

    start_child(root, child_spec(type(script).spec(script).start.actor_class))  # type: ignore[union-attr]
    crash(script.wait_started())

    assert script.wait_started().is_alive()


def test_otp_simple_one_for_one_escalation(dynamic: Any) -> None:
    """A child that cannot restart uses the intensity up and takes everybody along."""
    faulty, sibling = Script("faulty"), Script("sibling")
    faulty.next_starts(None)
    faulty.always = RuntimeError("no luck")
    root = dynamic(flags=SupervisorFlags(max_restarts=4))
    sibling_ref, ref = start_child(root, sibling.spec()), start_child(root, faulty.spec())

    crash(ref)

    assert gave_up(wait_for_exit(root))
    assert faulty.attempts == 1 + 4
    assert sibling_ref.exit_reason == SHUTDOWN


def test_otp_simple_one_for_one_corruption(dynamic: Any) -> None:
    """A start that misbehaves leaves the table of children as it was."""
    root = dynamic()
    good = start_child(root, Script("good").spec())

    for junk, message in ((None, "not a ref"), (3, "not a ref"), (good, "a child already")):
        spec = ChildSpec(id="junk", start=lambda junk=junk: junk, type=SUPERVISOR)
        with pytest.raises(StartFailed, match=message):
            start_child(root, spec)

    assert [child.ref for child in which_children(root)] == [good]
    assert count_children(root) == Counts(1, 1, 0, 1)


def test_otp_one_for_one_corruption(supervise: Any) -> None:
    """The same under a static supervisor: one actor is not two children."""
    script = Script("good")
    root = supervise(script.spec())
    good = script.wait_started()

    with pytest.raises(StartFailed, match="a child already"):
        start_child(root, ChildSpec(id="junk", start=lambda: good))
    crash(good)

    assert refs_of(root) == {"good": script.wait_started()}


# -- restarts that fail again and again ------------------------------------------------------------


def _hanging(name: str, fault: Any) -> Script:
    script = Script(name)
    script.next_starts(None)
    script.always = fault
    return script


@pytest.mark.parametrize("fault", [RuntimeError("late"), RuntimeError], ids=["on_start", "init"])
def test_otp_count_restarting_children(supervise: Any, fault: Any) -> None:
    """A child that waits for a retry is a spec and a worker, not active, and can be terminated."""
    script = _hanging("child", fault)
    root = supervise(script.spec(), flags=SupervisorFlags(max_restarts=OFTEN))
    crash(script.wait_started())

    assert count_children(root) == Counts(specs=1, active=0, supervisors=0, workers=1)
    assert children_of(root)["child"].state is ChildState.RESTARTING
    terminate_child(root, "child")

    attempts = script.attempts
    assert children_of(root)["child"].state is ChildState.STOPPED
    assert count_children(root).active == 0
    assert script.attempts == attempts


def _check_hanging(root: Ref, child_id: str, spec: ChildSpec) -> None:
    for _ in range(3):
        assert children_of(root)[child_id].state is ChildState.RESTARTING
        for call in (restart_child, delete_child):
            with pytest.raises(ChildRestarting):
                call(root, child_id)
        with pytest.raises(AlreadyPresent):
            start_child(root, spec)


def test_otp_hanging_restart_loop(supervise: Any) -> None:
    """A supervisor whose child fails to restart again and again answers, and can be stopped."""
    script = _hanging("child", RuntimeError("no luck"))
    root = supervise(script.spec(), flags=SupervisorFlags(max_restarts=OFTEN))
    crash(script.wait_started())

    _check_hanging(root, "child", script.spec())
    terminate_child(root, "child")
    script.next_starts(None)
    assert restart_child(root, "child") is not None
    crash(script.wait_started())
    _check_hanging(root, "child", script.spec())

    root.shutdown()
    assert wait_for_exit(root) == SHUTDOWN


def test_otp_hanging_restart_loop_rest_for_one(supervise: Any) -> None:
    """The same for a later child of the group; the earlier ones run on meanwhile."""
    (one, two), faulty = scripts("one", "two")[0], _hanging("faulty", RuntimeError("no luck"))
    flags = SupervisorFlags(REST_FOR_ONE, max_restarts=OFTEN)
    root = supervise(one.spec(), faulty.spec(), two.spec(), flags=flags)
    kept = one.wait_started()

    crash(faulty.wait_started())
    _check_hanging(root, "faulty", faulty.spec())

    assert refs_of(root) == {"one": kept, "faulty": None, "two": None}
    terminate_child(root, "faulty")
    assert count_children(root).active == 1
    root.shutdown()
    assert wait_for_exit(root) == SHUTDOWN


@pytest.mark.parametrize("fault", [RuntimeError("late"), RuntimeError], ids=["on_start", "init"])
def test_otp_hanging_restart_loop_simple(dynamic: Any, fault: Any) -> None:
    """The same under a dynamic supervisor."""
    script, other = _hanging("child", fault), Script("other")
    root = dynamic(flags=SupervisorFlags(max_restarts=OFTEN))
    crash(start_child(root, script.spec()))

    ref = start_child(root, other.spec())
    assert count_children(root).specs == 2
    terminate_child(root, ref)
    root.shutdown()

    assert wait_for_exit(root) == SHUTDOWN


# -- trees and names -------------------------------------------------------------------------------


def test_otp_tree(supervise: Any) -> None:
    """Only the dying leaf restarts; a branch that gives up takes all along under one_for_all."""
    (left, right), _ = scripts("left", "right")
    branch = child_spec(
        Supervisor, [left.spec(), right.spec()], SupervisorFlags(max_restarts=1), id="static"
    )
    root = supervise(
        branch, child_spec(DynamicSupervisor, id="dynamic"), flags=SupervisorFlags(ONE_FOR_ALL)
    )
    leaf, sibling = left.wait_started(), right.wait_started()
    old = refs_of(root)
    on_demand = start_child(old["dynamic"], Script("on demand").spec())  # type: ignore[arg-type]

    crash(leaf)
    again = left.wait_started()
    assert refs_of(root) == old
    assert refs_of(old["static"])["right"] is sibling  # type: ignore[arg-type]

    crash(again)  # one too many for the branch
    assert gave_up(wait_for_exit(old["static"]))  # type: ignore[arg-type]
    assert [left.wait_started().is_alive(), right.wait_started().is_alive()] == [True, True]
    new = refs_of(root)
    assert {new["static"], new["dynamic"]}.isdisjoint(old.values())
    assert which_children(new["dynamic"]) == []  # type: ignore[arg-type]
    assert on_demand is not None
    assert on_demand.exit_reason == SHUTDOWN


@pytest.mark.parametrize("way", ["kill_supervisor", "kill_worker", "exit_worker", "restart_worker"])
def test_otp_simple_global_supervisor(supervise: Any, way: str) -> None:
    """Names are there again after each kind of restart: none is stale, none is taken."""
    names, worker = Registry("names"), Script("worker")
    worker_name, branch_name = names.name("worker"), names.name("branch")
    supervise(
        child_spec(Supervisor, [worker.spec(name=worker_name)], id="branch", name=branch_name)
    )
    first, branch = worker.wait_started(), branch_name.whereis()
    assert branch is not None

    if way == "kill_supervisor":
        branch.kill()
    elif way == "kill_worker":
        first.kill()
    elif way == "exit_worker":
        first.tell(Exit(NORMAL))
    else:
        terminate_child(branch, "worker")
        restart_child(branch, "worker")
    second = worker.wait_started()

    assert worker_name.whereis() is second
    assert second is not first
    assert children_of(branch_name)["worker"].ref is second
    assert (branch_name.whereis() is branch) == (way != "kill_supervisor")


# -- Elixir's dynamic supervisor, where it says more than OTP's suite ------------------------------


@pytest.mark.parametrize(
    ("restart", "message", "restarted"),
    [
        (TEMPORARY, Exit(NORMAL), False),
        (TEMPORARY, Exit(Shutdown(1)), False),
        (TEMPORARY, Fail(RuntimeError("x")), False),
        (TRANSIENT, Exit(NORMAL), False),
        (TRANSIENT, Exit(Shutdown(1)), False),
        (TRANSIENT, Fail(RuntimeError("x")), True),
        (PERMANENT, Exit(NORMAL), True),
        (PERMANENT, Exit(Shutdown(1)), True),
        (PERMANENT, Fail(RuntimeError("x")), True),
    ],
)
def test_ex_child_restart_table(
    dynamic: Any, restart: Restart, message: Any, restarted: bool
) -> None:
    """Restart type times exit reason; what is not restarted is forgotten."""
    script, root = Script("child"), dynamic()
    ref = start_child(root, script.spec(restart=restart))
    assert ref is not None
    script.wait_started()

    ref.tell(message)
    wait_for_exit(ref)

    if restarted:
        assert [child.ref for child in which_children(root)] == [script.wait_started()]
    else:
        assert which_children(root) == []


@pytest.mark.parametrize("outcome", [DECLINE, None, RuntimeError])
def test_ex_child_is_restarted_with_different_values(dynamic: Any, outcome: Any) -> None:
    """A restart that declines removes the child; one that fails leaves it `RESTARTING`."""
    script = Script("child")
    script.next_starts(None)
    script.always = outcome
    root = dynamic(flags=SupervisorFlags(max_restarts=OFTEN))

    crash(start_child(root, script.spec()))

    states = [child.state for child in which_children(root)]
    if outcome is DECLINE:
        assert states == []
    elif outcome is None:
        assert states in ([ChildState.STARTING], [ChildState.RUNNING])
    else:
        assert states == [ChildState.RESTARTING]


def test_ex_child_is_restarted_with_junk(dynamic: Any) -> None:
    """A start function that returns no ref the second time is a restart that failed."""
    script, made = Script("child"), []  # type: ignore[var-annotated]

    def start_once() -> Any:
        made.append(spawn(Scripted, (script,)) if not made else "junk")
        return made[-1]

    root = dynamic(flags=SupervisorFlags(max_restarts=OFTEN))

    crash(start_child(root, ChildSpec(id="child", start=start_once)))

    assert [child.state for child in which_children(root)] == [ChildState.RESTARTING]


@pytest.mark.parametrize("fault", [RuntimeError("late"), RuntimeError], ids=["on_start", "init"])
def test_ex_child_is_restarted_when_trying_again(dynamic: Any, fault: Any) -> None:
    """A failing restart is retried, and the success that follows is one child."""
    script = Script("child")
    script.next_starts(None, fault, fault, None)
    root = dynamic()
    start_child(root, script.spec())

    crash(script.wait_started())
    ref = script.wait_started()

    assert count_children(root) == Counts(1, 1, 0, 1)
    assert [child.ref for child in which_children(root)] == [ref]
    assert script.attempts == 4


def test_ex_child_triggers_maximum_restarts(dynamic: Any) -> None:
    script, root = Script("child"), dynamic(flags=SupervisorFlags(max_restarts=1))
    start_child(root, script.spec())

    crash(script.wait_started())
    crash(script.wait_started())

    assert gave_up(wait_for_exit(root))


def test_ex_child_triggers_maximum_intensity_when_trying_again(dynamic: Any) -> None:
    """Retries that fail consume intensity, too."""
    script, root = Script("child"), dynamic(flags=SupervisorFlags(max_restarts=10))
    script.next_starts(None)
    script.always = RuntimeError
    start_child(root, script.spec())

    crash(script.wait_started())

    assert gave_up(wait_for_exit(root))
    assert script.attempts == 1 + 10


def test_otp_exit_reason_of_one_that_gives_up(supervise: Any) -> None:
    """It is a shutdown, so a permanent supervisor comes back and a transient one does not."""
    script = Script("leaf")
    flags = SupervisorFlags(max_restarts=0)
    for restart, state in ((TRANSIENT, ChildState.STOPPED), (PERMANENT, ChildState.RUNNING)):
        branch = child_spec(Supervisor, [script.spec()], flags, id="branch", restart=restart)
        root = supervise(branch)
        branch_ref = refs_of(root)["branch"]
        assert branch_ref is not None

        crash(script.wait_started())
        reason = wait_for_exit(branch_ref)

        assert gave_up(reason)
        assert isinstance(reason.detail.reason, Crashed)  # type: ignore[attr-defined]
        assert "reached max restart intensity" in str(reason)
        assert children_of(root)["branch"].state is state


def test_otp_one_for_one_is_the_default() -> None:
    assert SupervisorFlags().strategy is ONE_FOR_ONE
