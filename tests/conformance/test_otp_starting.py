"""OTP `supervisor_SUITE`, `sup_start`: children that decline, fail, or return junk."""

from __future__ import annotations

from typing import Any

import pytest

from supervision import (
    Actor,
    ChildNotFound,
    Crashed,
    Ignore,
    InvalidChildSpec,
    Normal,
    Shutdown,
    StartFailed,
)
from supervision.administration import (
    count_children,
    get_child_spec,
    restart_child,
    start_child,
    terminate_child,
    which_children,
)
from supervision.children import ChildState, Counts
from supervision.specs import ChildSpec, child_spec
from supervision.supervisor import Supervisor
from supervision.terms import INFINITY, PERMANENT, SUPERVISOR, TEMPORARY, WORKER
from supervision.testing_children import DECLINE, Fail, Script, children_of


def test_otp_sup_start_normal(supervise: Any, watch: Any) -> None:
    """An empty supervisor starts and can be shut down."""
    root = supervise()
    exit_reason = watch(root)

    assert count_children(root) == Counts(specs=0, active=0, supervisors=0, workers=0)
    root.shutdown()
    assert exit_reason() == Shutdown()


def test_otp_sup_start_ignore_init(supervise: Any) -> None:
    """A supervisor may decline to start; whoever starts it sees that."""

    class Declining(Supervisor):
        def __init__(self) -> None:
            raise Ignore

    with pytest.raises(Ignore):
        Declining.start()
    assert start_child(supervise(), child_spec(Declining)) is None


def test_otp_sup_start_ignore_child(supervise: Any) -> None:
    """A child that declines is kept as a spec and is not active."""
    declining, other = Script("declining"), Script("other")
    declining.next_starts(DECLINE)

    root = supervise(declining.spec(), other.spec())

    child = children_of(root)["declining"]
    assert (child.state, child.ref) == (ChildState.STOPPED, None)
    assert count_children(root) == Counts(specs=2, active=1, supervisors=0, workers=2)


def test_otp_sup_start_ignore_temporary_child(supervise: Any) -> None:
    """Of a temporary child that declines nothing is kept."""
    declining = Script()
    declining.next_starts(DECLINE)

    root = supervise(declining.spec(restart=TEMPORARY))

    assert which_children(root) == []


def test_otp_sup_start_ignore_temporary_child_start_child(supervise: Any) -> None:
    """The same for one that is added later."""
    declining = Script()
    declining.next_starts(DECLINE)
    root = supervise()

    assert start_child(root, declining.spec(restart=TEMPORARY)) is None
    assert which_children(root) == []


def test_otp_sup_start_ignore_temporary_child_start_child_simple(dynamic: Any) -> None:
    """The same under a dynamic supervisor."""
    declining = Script()
    declining.next_starts(DECLINE)
    root = dynamic()

    assert start_child(root, declining.spec(restart=TEMPORARY)) is None
    assert count_children(root).specs == 0


@pytest.mark.parametrize("outcome", [DECLINE, Ignore()], ids=["constructor", "on_start"])
def test_otp_sup_start_ignore_permanent_child_start_child_simple(
    dynamic: Any, watch: Any, outcome: Any
) -> None:
    """A permanent dynamic child that declines leaves nothing, and the supervisor still stops."""
    declining = Script()
    declining.next_starts(outcome)
    root = dynamic()
    exit_reason = watch(root)

    assert start_child(root, declining.spec(restart=PERMANENT)) is None
    assert count_children(root).specs == 0
    root.stop()
    assert exit_reason() == Normal()


def test_otp_sup_start_error_return(supervise: Any) -> None:
    """What is no list of children is an error to whoever starts the supervisor."""
    with pytest.raises(InvalidChildSpec, match="a ChildSpec or an actor class"):
        supervise("junk")


def test_otp_sup_start_fail() -> None:
    """An exception in a supervisor's constructor reaches whoever starts it."""

    class Failing(Supervisor):
        def __init__(self) -> None:
            raise OSError("no database")

    with pytest.raises(OSError, match="no database"):
        Failing.start()


@pytest.mark.parametrize("fault", [RuntimeError("late"), RuntimeError, SystemExit, SystemExit()])
def test_otp_sup_start_child_returns_error(supervise: Any, fault: Any) -> None:
    """A child whose start fails is an error with its id and its reason, and leaves no spec."""
    faulty = Script("faulty")
    faulty.next_starts(fault)
    root = supervise()

    with pytest.raises(StartFailed) as caught:
        start_child(root, faulty.spec())

    assert caught.value.child_id == "faulty"
    assert isinstance(caught.value.reason, Crashed)
    assert which_children(root) == []


@pytest.mark.parametrize("junk", [None, 3, "ref"])
def test_otp_sup_start_child_returns_junk(supervise: Any, junk: Any) -> None:
    """A start function that returns no ref is an error, too."""
    root = supervise()

    with pytest.raises(StartFailed, match="not a ref"):
        start_child(root, ChildSpec(id="junk", start=lambda: junk))
    assert which_children(root) == []


def test_otp_sup_start_restart_child_returns_error(supervise: Any) -> None:
    """A manual restart that fails gives the error and leaves the child stopped but present."""
    script = Script("child")
    script.next_starts(None, RuntimeError("second"))
    root = supervise(script.spec())
    terminate_child(root, "child")

    with pytest.raises(StartFailed, match="second"):
        restart_child(root, "child")

    assert children_of(root)["child"].state is ChildState.STOPPED
    assert restart_child(root, "child") is not None


@pytest.mark.parametrize("fault", [RuntimeError("late"), RuntimeError])
def test_otp_sup_start_child_returns_error_simple(dynamic: Any, fault: Any) -> None:
    """The same under a dynamic supervisor."""
    faulty = Script("faulty")
    faulty.next_starts(fault)
    root = dynamic()

    with pytest.raises(StartFailed, match="'faulty'"):
        start_child(root, faulty.spec())

    assert count_children(root).specs == 0
    assert start_child(root, faulty.spec()) is not None


def test_otp_sup_start_map(supervise: Any) -> None:
    """The defaults of a spec, read back; an unknown id is not found."""
    root = supervise(Script("w").spec(), child_spec(Supervisor, id="s"))

    worker, supervisor = get_child_spec(root, "w"), get_child_spec(root, "s")

    assert (worker.restart, worker.shutdown, worker.type) == (PERMANENT, 5.0, WORKER)
    assert (supervisor.shutdown, supervisor.type) == (INFINITY, SUPERVISOR)
    with pytest.raises(ChildNotFound, match="'x'"):
        get_child_spec(root, "x")


def test_otp_sup_start_map_simple(dynamic: Any) -> None:
    """The defaults of a dynamic child's spec, read back by its ref."""
    root = dynamic()
    ref = start_child(root, Script("w").spec())

    spec = get_child_spec(root, ref)

    assert (spec.restart, spec.shutdown, spec.type) == (PERMANENT, 5.0, WORKER)


def test_otp_sup_start_map_faulty_specs() -> None:
    """A missing id, a missing start, an unknown key and what is no spec: an error each."""
    start = child_spec(Actor).start
    for fields in ({"start": start}, {"id": 1}, {"id": 1, "start": start, "junk": 1}):
        with pytest.raises(TypeError):
            ChildSpec(**fields)  # type: ignore[arg-type]
    with pytest.raises(InvalidChildSpec):
        Supervisor([{"id": 1}])  # type: ignore[list-item]


def test_otp_sup_start_ordered_failure(supervise: Any) -> None:
    """A child that fails to start stops those before it, in reverse, and fails the whole start."""
    journal: list[Any] = []
    first, second, faulty = Script("1", journal), Script("2", journal), Script("3", journal)
    faulty.next_starts(ValueError("third"))

    with pytest.raises(StartFailed) as caught:
        supervise(first.spec(), second.spec(), faulty.spec(), Script("4", journal).spec())

    assert caught.value.child_id == "3"
    assert isinstance(caught.value.__cause__, ValueError)
    assert journal == [("start", "1"), ("start", "2"), ("stop", "2"), ("stop", "1")]


def test_otp_faulty_application_shutdown(supervise: Any) -> None:
    """A failure deep in a tree reaches the top with each child's id and the first traceback."""
    faulty = Script("leaf")
    faulty.next_starts(ZeroDivisionError("deep"))

    with pytest.raises(StartFailed) as caught:
        supervise(child_spec(Supervisor, [faulty.spec()], id="branch"))

    branch = caught.value
    assert branch.child_id == "branch"
    assert isinstance(branch.reason, Crashed)
    leaf = branch.__cause__
    assert isinstance(leaf, StartFailed)
    assert leaf.child_id == "leaf"
    assert isinstance(leaf.reason, Crashed)
    assert "testing_children.py" in leaf.reason.traceback_text()


def test_otp_sup_start_system_exit_is_contained(supervise: Any) -> None:
    """`SystemExit` in one child is that child's crash: its sibling and its supervisor go on."""
    one, two = Script("one"), Script("two")
    root = supervise(one.spec(), two.spec())
    first, sibling = one.wait_started(), two.wait_started()

    first.tell(Fail(SystemExit(3)))
    one.wait_started()

    assert children_of(root)["two"].ref is sibling
    assert sibling.ask("ping") == "ping"
