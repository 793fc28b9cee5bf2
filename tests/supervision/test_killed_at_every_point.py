"""A supervisor that is killed anywhere in its life ends with its children, and answers all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from supervision import (
    NORMAL,
    ONE_FOR_ALL,
    POOLED,
    TEMPORARY,
    ChildSpec,
    DynamicSupervisor,
    Future,
    Ref,
    Registry,
    SupervisionError,
    Supervisor,
    SupervisorFlags,
    child_spec,
)
from supervision.administration import (
    CountChildren,
    DeleteChild,
    RestartChild,
    StartChild,
    StartChildren,
    TerminateChild,
)
from supervision.testing import HANG, wait_for_exit
from supervision.testing_children import Exit, Fail, Script
from tests.supervision.kill_points import KillPoint

THOROUGH = bool(os.environ.get("SLOW_PROPERTIES"))
FLAGS = SupervisorFlags(ONE_FOR_ALL, max_restarts=20)


class Followed:
    """Mixed into a supervisor: its thread may come to a kill point."""

    def __init__(self, point: KillPoint, *args: Any) -> None:
        super().__init__(*args)
        self.point = point

    def run_alone(self) -> None:
        self.point.follow(self.actor_ref)  # type: ignore[attr-defined]
        super().run_alone()  # type: ignore[misc]


class FollowedSupervisor(Followed, Supervisor):
    """A static supervisor with a kill point."""


class FollowedDynamicSupervisor(Followed, DynamicSupervisor):
    """A dynamic supervisor with a kill point."""


class Life:
    """The children of one supervisor that will be killed, and whoever asks it things."""

    def __init__(self) -> None:
        self.names = Registry("names")
        self.refs: list[Ref] = []
        self.futures: list[Future[Any]] = []
        self.scripts = [Remembering(name, self.refs) for name in ("one", "two", "extra")]
        self.scripts[0].next_starts(None, RuntimeError("not this time"))

    def spec(self, index: int) -> ChildSpec:
        script = self.scripts[index]
        dispatcher = POOLED if index else None
        return script.spec(name=self.names.name(script.name), dispatcher=dispatcher)

    def ask(self, ref: Ref, message: object) -> object:
        """Return the answer or the refusal; anything else, such as a time-out, is an error."""
        future = ref.ask(message, block=False)
        self.futures.append(future)
        try:
            return future.get(timeout=HANG)
        except TimeoutError:
            raise
        except SupervisionError as refusal:
            return refusal

    def end_children(self, message: object) -> None:
        for ref in list(self.refs):
            ref.signal(message)


class Remembering(Script):
    """Keeps all of its actors, also those of which nobody was told."""

    def __init__(self, name: str, refs: list[Ref]) -> None:
        super().__init__(name)
        self.refs = refs

    def note_started(self, ref: Ref) -> None:
        self.refs.append(ref)


def static(life: Life, point: KillPoint) -> ChildSpec:
    specs = [life.spec(0), life.spec(1)]
    return child_spec(FollowedSupervisor, point, specs, FLAGS, id="victim", restart=TEMPORARY)


def dynamic(life: Life, point: KillPoint) -> ChildSpec:
    del life
    flags = SupervisorFlags(max_restarts=20)
    return child_spec(FollowedDynamicSupervisor, point, flags, id="victim", restart=TEMPORARY)


def run_static(life: Life, victim: Ref) -> None:
    """Crashes, a restart that fails once, and all that can be asked for."""
    for message in (Fail(RuntimeError("oops")), Exit(NORMAL)):
        life.end_children(message)
        life.ask(victim, CountChildren())
    life.ask(victim, StartChild(life.spec(2)))
    for kind in (DeleteChild, TerminateChild, RestartChild, TerminateChild, DeleteChild):
        life.ask(victim, kind("extra"))


def run_dynamic(life: Life, victim: Ref) -> None:
    refs = [life.ask(victim, StartChild(life.spec(index))) for index in range(3)]
    life.end_children(Fail(RuntimeError("oops")))
    life.ask(victim, CountChildren())
    for ref in refs[1:]:
        life.ask(victim, TerminateChild(ref))
    life.ask(victim, StartChildren(tuple(life.spec(index) for index in range(3))))
    life.ask(victim, CountChildren())


def live(kind: str, point: KillPoint) -> None:
    """Live once; fail if anything is left of it."""
    make, run = {"static": (static, run_static), "dynamic": (dynamic, run_dynamic)}[kind]
    life, root = Life(), Supervisor.start([])
    victim = life.ask(root, StartChild(make(life, point)))
    if isinstance(victim, Ref):
        run(life, victim)
        stops = [victim.stop(block=False), victim.stop(block=False)]
        root.shutdown()
        for stop in stops:
            stop.get(timeout=HANG)
        wait_for_exit(victim)
    root.shutdown()
    wait_for_exit(root)
    for ref in life.refs:
        wait_for_exit(ref)
    assert life.names.count() == 0


def killed_at(kind: str, at: int | None) -> int:
    """Live once with a kill at the place number `at`; return how many places were passed."""
    with KillPoint(at) as point:
        try:
            live(kind, point)
        except BaseException as failure:
            failure.add_note(f"killed at place {at}, in {point.where}")
            raise
    return point.passed


def places(count: int) -> Iterable[int]:
    return range(1, count + 1, 1 if THOROUGH else max(1, count // 60))


@pytest.mark.skipif(
    sys.version_info[:2] == (3, 12),
    reason="3.12 traces no instructions of the first thread, and may crash when it traces several",
)
@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_a_kill_anywhere_leaves_nobody_waiting_and_nothing_behind(kind: str) -> None:
    count = killed_at(kind, None)
    assert count > 500
    for at in places(count):
        killed_at(kind, at)
