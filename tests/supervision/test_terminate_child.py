"""Stopping a child with another patience than its spec's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from supervision import (
    BRUTAL_KILL,
    INFINITY,
    KILLED,
    DynamicSupervisor,
    InvalidChildSpec,
    ManualClock,
    Ref,
    Supervisor,
    start_child,
    terminate_child,
    terminate_child_async,
)
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from supervision.testing_children import Run, Script, spin


@pytest.fixture(params=[Supervisor, DynamicSupervisor], ids=["static", "dynamic"])
def root(request: pytest.FixtureRequest, keep: Callable[[Ref], Ref], clock: ManualClock) -> Ref:
    """A supervisor of either kind, without children."""
    return keep(request.param.start(clock=clock))


def busy_child(root: Ref, **options: Any) -> tuple[Ref, Any]:
    """A child that never sees a request to stop, and what it is called in terminate_child."""
    ref = start_child(root, Script("busy").spec(**options))
    assert ref is not None
    gate = Gate()
    gate.open()
    ref.tell(Run(lambda: (gate.pass_through(), spin())))
    gate.wait_arrived()
    return ref, "busy" if root.actor_class is Supervisor else ref


def test_it_may_be_less(root: Ref) -> None:
    ref, child = busy_child(root, shutdown=INFINITY)

    terminate_child(root, child, shutdown=BRUTAL_KILL, timeout=HANG)

    assert wait_for_exit(ref) == KILLED


def test_it_is_measured_by_the_supervisors_clock(root: Ref, clock: ManualClock) -> None:
    ref, child = busy_child(root, shutdown=INFINITY)
    answer = terminate_child_async(root, child, shutdown=2)
    wait_until(lambda: ref.mailbox_length() > 0, what="the request to stop")

    clock.advance(1)
    assert not ref.kill_requested
    clock.advance(1)

    answer.get(timeout=HANG)
    assert ref.exit_reason == KILLED


def test_one_that_cannot_be_is_refused_before_it_is_sent(root: Ref) -> None:
    ref, child = busy_child(root)

    for terminate in (terminate_child, terminate_child_async):
        with pytest.raises(InvalidChildSpec, match="shutdown: "):
            terminate(root, child, shutdown=-1)
    assert not ref.kill_requested
    ref.kill()


def test_a_dynamic_child_that_is_being_stopped_can_be_given_less(
    keep: Callable[[Ref], Ref], clock: ManualClock
) -> None:
    root = keep(DynamicSupervisor.start(clock=clock))
    ref, child = busy_child(root, shutdown=INFINITY)
    patient = threading.Thread(target=terminate_child, args=(root, child))
    patient.start()
    wait_until(lambda: ref.mailbox_length() > 0, what="the request to stop")

    terminate_child(root, child, shutdown=BRUTAL_KILL, timeout=HANG)

    patient.join(HANG)
    assert not patient.is_alive()
    assert ref.exit_reason == KILLED
