"""Supervisors under supervisors: escalation and stops through all of them, and kills on the way."""

from __future__ import annotations

from typing import Any

import pytest

from supervision import (
    ABANDONED,
    KILLED,
    SHUTDOWN,
    TEMPORARY,
    ChildSpec,
    Crashed,
    GaveUp,
    ManualClock,
    Ref,
    Registry,
    Shutdown,
    Supervisor,
    SupervisorFlags,
    abandoned_threads,
    child_spec,
    start_child_async,
)
from supervision.testing import Gate, wait_for_exit, wait_until
from supervision.testing_children import Fail, Run, Script, children_of, spin

DEPTH = 10


class Chain:
    """Ten supervisors, each with a worker before the next one and a worker after it."""

    def __init__(self, **flags: Any) -> None:
        self.flags = SupervisorFlags(**flags)
        self.journal: list[Any] = []
        self.scripts: dict[str, Script] = {}
        self.names = Registry("levels")
        self.root = Supervisor.start(self._children(1), self.flags)

    def _children(self, level: int) -> list[ChildSpec]:
        before, after = self._worker(f"before{level}"), self._worker(f"after{level}")
        return [before, self._next(level + 1), after] if level < DEPTH else [before, after]

    def _next(self, level: int) -> ChildSpec:
        name = self.names.name(level)
        return child_spec(Supervisor, self._children(level), self.flags, id=level, name=name)

    def _worker(self, name: str) -> ChildSpec:
        self.scripts[name] = Script(name, self.journal)
        return self.scripts[name].spec()

    def level(self, number: int) -> Ref:
        ref = self.names.whereis(number)
        assert ref is not None
        return ref

    def started(self, name: str) -> Ref:
        return self.scripts[name].wait_started()


def downwards(first: int) -> list[str]:
    """The workers from level `first` on, in the order of their start."""
    before = [f"before{level}" for level in range(first, DEPTH + 1)]
    return before + [f"after{level}" for level in range(DEPTH, first - 1, -1)]


def test_ten_levels_start_in_order_and_stop_in_reverse() -> None:
    chain = Chain()
    assert chain.journal == [("start", name) for name in downwards(1)]
    chain.journal.clear()

    chain.root.stop()

    assert chain.journal == [("stop", name) for name in reversed(downwards(1))]


def test_a_crash_at_the_bottom_escalates_through_ten_levels() -> None:
    """Nobody may restart anything, so each level gives up in its turn, from the bottom up."""
    chain = Chain(max_restarts=0)
    victim = chain.started(f"before{DEPTH}")
    chain.journal.clear()

    victim.tell(Fail(RuntimeError("oops")))
    reason = wait_for_exit(chain.root)

    assert isinstance(reason, Shutdown)
    assert isinstance(reason.detail, GaveUp)
    assert reason.detail.child_id == 2
    order = [f"after{DEPTH}"]
    for level in range(DEPTH - 1, 0, -1):
        order += [f"after{level}", f"before{level}"]
    assert chain.journal == [("stop", name) for name in order]


def test_escalation_ends_at_the_level_that_may_restart() -> None:
    chain = Chain(max_restarts=1)
    for name in (f"before{DEPTH}", f"before{DEPTH}"):
        chain.started(name).tell(Fail(RuntimeError("oops")))  # the second one is too much

    chain.started(f"before{DEPTH}")

    assert children_of(chain.level(DEPTH - 1))[DEPTH].restarts == 1
    assert children_of(chain.root)[2].restarts == 0
    chain.root.stop()


def test_a_kill_in_the_middle_ends_all_below_and_restarts_them_in_order() -> None:
    chain = Chain()
    middle, below = chain.level(5), [chain.level(level) for level in range(6, DEPTH + 1)]
    chain.journal.clear()

    middle.kill()

    assert wait_for_exit(middle) == KILLED
    assert [wait_for_exit(ref) for ref in below] == [KILLED] * len(below)
    wait_until(lambda: len(chain.journal) == len(downwards(5)), what="the restart of the levels")
    assert chain.journal == [("start", name) for name in downwards(5)]
    chain.root.stop()


class Branch:
    """A supervisor under another, on a clock that stands still."""

    def __init__(self, *scripts: Script, **options: Any) -> None:
        self.clock = ManualClock()
        self.root = Supervisor.start([], clock=self.clock)
        specs = [script.spec() for script in scripts]
        options = {"id": "branch", "restart": TEMPORARY, **options}
        spec = child_spec(Supervisor, specs, clock=self.clock, **options)
        self.answer = start_child_async(self.root, spec)

    @property
    def ref(self) -> Ref:
        ref = children_of(self.root)["branch"].ref
        assert ref is not None
        return ref

    def stop(self) -> None:
        self.root.stop()


def make_stuck(ref: Ref) -> Gate:
    gate = Gate()
    ref.tell(Run(gate.pass_through))
    gate.wait_arrived()
    return gate


def test_a_supervisor_that_is_killed_while_it_starts_kills_what_it_has_started() -> None:
    """One child runs, the next is in its `on_start`."""
    first, second, gate, made = Script("first"), Script("second"), Gate(), []
    second.next_starts(gate)
    root = Supervisor.start([])
    specs = [first.spec(), second.spec()]
    answer = start_child_async(root, child_spec(Remembered, made, specs, id="b"))
    running = first.wait_started()
    gate.wait_arrived()
    branch = made[0]

    branch.kill()
    gate.open()

    assert wait_for_exit(branch) == KILLED
    assert wait_for_exit(running) == KILLED
    with pytest.raises(Exception, match="killed"):
        answer.get(timeout=20)
    root.stop()


class Remembered(Supervisor):
    """Says who it is before it starts."""

    def __init__(self, made: list[Ref], *args: Any) -> None:
        super().__init__(*args)
        made.append(self.actor_ref)


def test_a_supervisor_that_is_killed_while_it_restarts_is_started_afresh() -> None:
    script, gate = Script("child"), Gate()
    script.next_starts(None, gate)
    branch = Branch(script, restart=TEMPORARY)
    ref = branch.answer.get(timeout=20)
    assert ref is not None
    script.wait_started().tell(Fail(RuntimeError("oops")))
    gate.wait_arrived()

    ref.kill()
    gate.open()

    assert wait_for_exit(ref) == KILLED
    assert children_of(branch.root) == {}
    branch.stop()


def test_a_supervisor_that_is_killed_while_it_stops_kills_the_rest() -> None:
    first, second = Script("first"), Script("second")
    branch = Branch(first, second)
    ref = branch.answer.get(timeout=20)
    assert ref is not None
    patient, busy = first.wait_started(), second.wait_started()
    busy.tell(Run(spin))
    ref.shutdown()
    wait_until(lambda: busy.mailbox_length() > 0, what="the request to stop")

    ref.kill()

    assert [wait_for_exit(one) for one in (ref, busy, patient)] == [KILLED] * 3
    branch.stop()


def test_a_killed_supervisor_gives_its_children_one_grace_together() -> None:
    scripts = [Script("one"), Script("two"), Script("three")]
    branch = Branch(*scripts)
    ref = branch.answer.get(timeout=20)
    assert ref is not None
    refs = [script.wait_started() for script in scripts]
    gates = [make_stuck(one) for one in refs]
    before = len(abandoned_threads())

    ref.kill()
    wait_until(lambda: all(one.kill_requested for one in refs), what="the kills")
    branch.clock.advance(1)

    assert [wait_for_exit(one) for one in refs] == [ABANDONED] * 3
    assert wait_for_exit(ref) == KILLED
    for gate in gates:
        gate.open()
    wait_until(lambda: len(abandoned_threads()) == before, what="the threads to come back")
    branch.stop()


def test_an_abandoned_supervisor_takes_its_children_with_it() -> None:
    """It is stuck in C while it makes a child; its own supervisor goes on without it."""
    first, gate = Script("first"), Gate()
    branch = Branch(first, shutdown=5)
    ref = branch.answer.get(timeout=20)
    assert ref is not None
    running, before = first.wait_started(), len(abandoned_threads())
    start_child_async(ref, ChildSpec(id="stuck", start=lambda: stuck_start(gate)))
    gate.wait_arrived()

    branch.root.shutdown()
    wait_until(lambda: ref.mailbox_length() > 0, what="the request to stop")
    branch.clock.advance(5)
    wait_until(lambda: ref.kill_requested, what="the kill")
    branch.clock.advance(1)

    assert wait_for_exit(ref) == ABANDONED
    assert wait_for_exit(running) == KILLED
    assert wait_for_exit(branch.root) == SHUTDOWN
    gate.open()
    wait_until(lambda: len(abandoned_threads()) == before, what="the thread to come back")


def stuck_start(gate: Gate) -> Ref:
    gate.pass_through()
    raise RuntimeError


def test_a_supervisor_that_crashes_itself_stops_its_children_first() -> None:
    script = Script("child")
    branch = Branch(script)
    ref = branch.answer.get(timeout=20)
    assert ref is not None
    child = script.wait_started()

    ref.crash(RuntimeError("a fault of its own"))

    assert isinstance(wait_for_exit(ref), Crashed)
    assert wait_for_exit(child) == SHUTDOWN
    assert script.journal == [("start", "child"), ("stop", "child")]
    branch.stop()
