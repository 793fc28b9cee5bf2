"""Ten thousand crashes in a row leave no thread, no memory, no registry entry and no timer.

A quarter of them for each kind of supervisor and each way of running; with `SLOW_PROPERTIES=1` ten
thousand for each.
"""

from __future__ import annotations

import gc
import os
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from supervision import (
    OWN_THREAD,
    POOLED,
    Actor,
    ActorDead,
    Crashed,
    Dispatcher,
    Down,
    DynamicSupervisor,
    Exited,
    ExitReason,
    Future,
    ManualClock,
    Monitor,
    Ref,
    Registry,
    Started,
    Supervisor,
    SupervisorFlags,
    Timer,
    Timers,
    child_spec,
    monitor,
    start_child,
    which_children,
)
from supervision.testing import HANG, wait_until
from supervision.to_self import ToSelf

CRASHES = 10_000 if os.environ.get("SLOW_PROPERTIES") else 2_500
WARM_UP = 200
OURS = (Actor, ActorDead, ExitReason, Down, Exited, Future, Monitor, Ref, Started, Timer, ToSelf)
FLAGS = SupervisorFlags(max_restarts=CRASHES, max_seconds=0.001)
"""So short a window that the restarts it remembers are few."""


class Life:
    """What the incarnations of one child share."""

    def __init__(self) -> None:
        self.names = Registry("names")
        self.timers = Timers(ManualClock())
        self.starts = 0
        self.downs = 0
        self.crash_until = 0
        self.done = threading.Event()

    def note_down(self, down: Down) -> None:
        assert isinstance(down.reason, Crashed)
        self.downs += 1


class Crasher(Actor):
    """Crashes at its first message, as often as it is told to; then it lives."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self.life = life

    def on_start(self) -> None:
        life = self.life
        life.starts += 1
        if life.starts > life.crash_until:
            life.done.set()
            return
        life.timers.send_after(3600, self.actor_ref, "too late")
        monitor(self.actor_ref, life.note_down)
        self.actor_ref.ask("crash", block=False)

    def on_receive(self, message: Any) -> Any:
        raise RuntimeError(message)


def crash(life: Life, times: int) -> None:
    """Have the child that lives crash, and its successors, `times` in a row."""
    life.done.clear()
    life.crash_until = life.starts + times - 1
    before = life.downs
    ref = life.names.whereis("crasher")
    assert ref is not None
    monitor(ref, life.note_down)
    ref.tell("crash")
    assert life.done.wait(6 * HANG)
    assert life.downs - before == times


def census() -> tuple[Counter[str], int]:
    """Count our objects by kind, and all objects together."""
    gc.collect()
    objects = gc.get_objects()
    kinds = Counter(type(one).__name__ for one in objects if isinstance(one, OURS))
    return kinds, len(objects)


def static(spec: Any) -> Ref:
    return Supervisor.start([spec], FLAGS)


def dynamic(spec: Any) -> Ref:
    root = DynamicSupervisor.start(FLAGS)
    start_child(root, spec)
    return root


@pytest.mark.parametrize("supervise", [static, dynamic])
@pytest.mark.parametrize("dispatcher", [OWN_THREAD, POOLED], ids=["own-thread", "pooled"])
def test_ten_thousand_crashes_leave_nothing(
    supervise: Callable[[Any], Ref], dispatcher: Dispatcher
) -> None:
    life = Life()
    name = life.names.name("crasher")
    root = supervise(child_spec(Crasher, life, id="child", name=name, dispatcher=dispatcher))
    crash(life, WARM_UP)
    assert clear_timers(life) <= 1024
    threads = threading.active_count()
    census()  # the first one fills the caches of abstract classes
    kinds, objects = census()

    crash(life, CRASHES)

    assert life.names.count() == 1
    assert len(life.timers) == 0
    assert clear_timers(life) <= 1024
    wait_until(lambda: threading.active_count() <= threads, what="the last threads to end")
    after, objects_after = census()
    # An idle thread of the pool still has hold of the actor that it ran last, so some may remain.
    assert {kind: n for kind, n in (after - kinds).items() if n > CRASHES // 50} == {}
    assert objects_after - objects < CRASHES // 10
    (child,) = which_children(root)
    assert child.restarts == WARM_UP + CRASHES
    root.stop()


def clear_timers(life: Life) -> int:
    """Have the timers that are left fire; return how many entries the heap had."""
    kept = len(life.timers._heap)
    life.timers.clock.advance(3600)  # type: ignore[attr-defined]
    life.timers.fire_due()
    return kept
