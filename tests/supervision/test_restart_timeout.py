"""A dynamic child whose restart takes too long, and which is stopped while that is seen to."""

from __future__ import annotations

import pytest

from supervision import DynamicSupervisor, ManualClock, Ref, terminate_child_async
from supervision.administration import start_child
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from supervision.testing_children import Fail, Script, children_of


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def stuck_in_its_restart(clock: ManualClock, gate: Gate) -> tuple[Ref, Script]:
    """Return a supervisor whose only child was killed in its restart, but is deaf."""
    root, script = DynamicSupervisor.start(clock=clock), Script()
    script.next_starts(None, gate)
    first = start_child(root, script.spec(start_timeout=10))
    assert first is not None
    first.tell(Fail(RuntimeError("oops")))
    gate.wait_arrived()
    (child,) = children_of(root).values()
    clock.advance(10)
    assert child.ref is not None
    ref = child.ref
    wait_until(lambda: ref.kill_requested, what="the kill")
    return root, script


def test_it_is_not_started_again_when_its_supervisor_stops(clock: ManualClock) -> None:
    gate = Gate()
    root, script = stuck_in_its_restart(clock, gate)

    root.shutdown()
    wait_until(lambda: root.mailbox_length() == 0, what="the stop to begin")
    clock.advance(10)  # the grace is over: it is abandoned
    wait_for_exit(root)

    assert script.attempts == 2
    gate.open()


def test_it_is_not_started_again_when_it_is_terminated(clock: ManualClock) -> None:
    gate = Gate()
    root, script = stuck_in_its_restart(clock, gate)

    answer = terminate_child_async(root, children_of(root)["child"].ref)
    assert list(children_of(root)) == ["child"]
    gate.open()

    assert answer.get(timeout=HANG) is None
    assert children_of(root) == {}
    assert script.attempts == 2
    root.stop()
