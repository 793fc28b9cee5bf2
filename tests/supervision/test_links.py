"""Links and exit signals, by the rules of Erlang's reference manual."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any

import pytest

from supervision import (
    KILLED,
    NO_PROCESS,
    NORMAL,
    SHUTDOWN,
    Actor,
    ActorDead,
    ChildSpec,
    Crashed,
    ExitSignal,
    NoProcess,
    Ref,
    Registry,
    Supervisor,
    current_ref,
    link,
    spawn,
    start_child,
    statistics,
    telemetry,
    unlink,
)
from supervision.execution import blocking
from supervision.links import linked
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from supervision.testing_children import Fail, Script, Scripted
from tests.supervision.echo import Echo


class Trapping(Echo):
    """Keeps the exit signals that it gets."""

    trap_exits = True

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, ExitSignal):
            self.got.append(message)
            return None
        return super().on_receive(message)


class Boom(Exception):
    """A crash that a test asked for."""


def boom(_: Actor) -> None:
    raise Boom


def got(ref: Ref) -> list[Any]:
    """What a trapping actor has got until now."""
    answer: list[Any] = ref.ask(lambda actor: list(actor.got), timeout=HANG)
    return answer


def held_at(gate: Gate, ref: Ref) -> None:
    """Make the actor busy until the gate opens."""
    ref.tell(lambda _: gate.pass_through())
    gate.wait_arrived()


# -- an end and those that are linked --------------------------------------------------------------


def test_a_crash_ends_who_is_linked_with_the_same_reason(start: Any) -> None:
    first, second = start(Echo), start(Echo)
    link(first, second)
    first.tell(boom)

    reason = wait_for_exit(second)
    assert isinstance(reason, Crashed)
    assert reason == first.exit_reason


def test_a_link_has_no_direction(start: Any) -> None:
    first, second = start(Echo), start(Echo)
    link(first, second)
    second.shutdown()

    assert wait_for_exit(first) == SHUTDOWN


def test_an_end_goes_along_a_chain(start: Any) -> None:
    refs = [start(Echo) for _ in range(5)]
    for one, other in pairwise(refs):
        link(one, other)
    refs[0].kill()

    assert [wait_for_exit(ref) for ref in refs] == [KILLED] * 5


def test_a_normal_end_ends_nobody_else(start: Any) -> None:
    first, second = start(Echo), start(Echo)
    link(first, second)
    first.stop()

    assert second.ask("alive", timeout=HANG) == "alive"
    assert linked(second) == []


def test_who_traps_gets_a_message_also_for_a_normal_end(start: Any) -> None:
    watcher, crashing, stopping = start(Trapping), start(Echo), start(Echo)
    for ref in (crashing, stopping):
        watcher.ask(lambda actor, ref=ref: actor.link(ref), timeout=HANG)
    crashing.tell(boom)
    wait_for_exit(crashing)
    stopping.stop()

    assert got(watcher) == [
        ExitSignal(crashing, crashing.exit_reason),
        ExitSignal(stopping, NORMAL),
    ]
    assert all(signal.linked for signal in got(watcher))


def test_trapping_may_be_begun_by_an_instance(start: Any) -> None:
    seen: list[Any] = []

    class Later(Echo):
        def on_start(self) -> None:
            self.trap_exits = True

        def on_receive(self, message: Any) -> Any:
            if isinstance(message, ExitSignal):
                return seen.append(message.reason)
            return super().on_receive(message)

    ref, other = start(Later), start(Echo)
    ref.ask(lambda actor: actor.link(other), timeout=HANG)
    other.kill()
    wait_for_exit(other)

    assert ref.ask("alive", timeout=HANG) == "alive"
    assert seen == [KILLED]


def test_linking_twice_is_linking_once(start: Any) -> None:
    watcher, ref = start(Trapping), start(Echo)
    link(watcher, ref)
    link(ref, watcher)
    ref.stop()

    assert got(watcher) == [ExitSignal(ref, NORMAL)]


def test_linking_with_oneself_changes_nothing(start: Any) -> None:
    ref = start(Echo)
    link(ref, ref)

    assert linked(ref) == []
    assert ref.stop() is True
    assert ref.exit_reason == NORMAL


def test_linking_with_one_that_has_ended_gives_no_process(start: Any) -> None:
    gone, trapping, plain = start(Echo), start(Trapping), start(Echo)
    gone.stop()
    trapping.ask(lambda actor: actor.link(gone), timeout=HANG)
    plain.tell(lambda actor: actor.link(gone))

    assert got(trapping) == [ExitSignal(gone, NO_PROCESS)]
    assert wait_for_exit(plain) == NO_PROCESS


def test_a_name_that_nobody_has_cannot_be_linked_with(start: Any) -> None:
    names, ref, other = Registry("names"), start(Echo), start(Echo)
    with pytest.raises(NoProcess):
        link(ref, names.name("nobody"))
    names.register("somebody", other)
    link(ref, names.name("somebody"))

    assert linked(ref) == [other]


def test_an_end_leaves_no_link_behind(start: Any) -> None:
    first, second, third = start(Trapping), start(Echo), start(Echo)
    link(first, second)
    link(second, third)
    second.stop()

    assert linked(first) == linked(second) == linked(third) == []
    assert second.links is None


def test_an_actor_that_is_never_linked_pays_nothing(start: Any) -> None:
    ref = start(Echo)
    ref.ask("running", timeout=HANG)

    assert "links" not in vars(ref)


# -- when a signal takes effect --------------------------------------------------------------------


def test_a_signal_takes_effect_before_messages_that_wait(start: Any) -> None:
    seen: list[int] = []
    gate, ref, other = Gate(), start(Echo), start(Echo)
    link(ref, other)
    held_at(gate, ref)
    ref.tell(lambda _: seen.append(1))
    answer = ref.ask("waiting", block=False)
    other.shutdown()
    wait_for_exit(other)
    gate.open()

    assert wait_for_exit(ref) == SHUTDOWN
    assert seen == []
    with pytest.raises(ActorDead, match="shutdown"):
        answer.get(timeout=HANG)


def test_a_trapped_signal_is_handled_before_messages_that_wait(start: Any) -> None:
    gate, ref, other = Gate(), start(Trapping), start(Echo)
    link(ref, other)
    held_at(gate, ref)
    ref.tell(lambda actor: actor.got.append("message"))
    other.stop()
    gate.open()

    assert got(ref) == [ExitSignal(other, NORMAL), "message"]


def test_many_trapped_signals_come_in_order_and_all(start: Any) -> None:
    """More than one turn's worth."""
    gate, ref = Gate(), start(Trapping)
    held_at(gate, ref)
    reasons = [Crashed(Boom(str(n))) for n in range(300)]
    for reason in reasons:
        ref.exit(reason)
    gate.open()
    wait_until(lambda: ref.handled >= 301)

    assert [signal.reason for signal in got(ref)] == reasons


def test_on_stop_runs_when_a_signal_ends_an_actor(start: Any) -> None:
    ran: list[str] = []

    class Careful(Echo):
        def on_stop(self) -> None:
            ran.append("on_stop")

        def on_failure(self, *_: Any) -> None:
            ran.append("on_failure")

    shut, crashed = start(Careful), start(Careful)
    shut.ask("running", timeout=HANG)
    crashed.ask("running", timeout=HANG)
    shut.exit(SHUTDOWN)
    wait_for_exit(shut)
    crashed.exit(Crashed(Boom()))
    wait_for_exit(crashed)

    assert ran == ["on_stop", "on_failure"]


def test_a_signal_while_on_stop_runs_changes_nothing(start: Any) -> None:
    gate = Gate()

    class Slow(Echo):
        def on_stop(self) -> None:
            gate.pass_through()

    ref = start(Slow)
    ref.stop(block=False)
    gate.wait_arrived()
    ref.exit(SHUTDOWN)
    gate.open()

    assert wait_for_exit(ref) == NORMAL


def test_the_end_by_a_signal_is_told_to_telemetry(start: Any) -> None:
    heard: list[Any] = []
    detach = telemetry.attach(
        lambda event, fields: heard.append(dict(fields)) if event == telemetry.EXIT_SIGNAL else None
    )
    first, second = start(Echo), start(Echo)
    link(first, second)
    first.shutdown()
    wait_for_exit(second)
    detach()

    assert heard == [{"ref": second, "sender": first, "reason": SHUTDOWN}]


# -- Ref.exit --------------------------------------------------------------------------------------


def test_exit_ends_an_actor_with_the_reason(start: Any) -> None:
    ref = start(Echo)
    ref.exit(SHUTDOWN)

    assert wait_for_exit(ref) == SHUTDOWN


def test_exit_normal_is_ignored_unless_an_actor_sends_it_to_itself(start: Any) -> None:
    ref, other = start(Echo), start(Echo)
    ref.exit(NORMAL)
    other.ask(lambda _: ref.exit(NORMAL), timeout=HANG)
    assert ref.ask("alive", timeout=HANG) == "alive"
    ref.tell(lambda actor: actor.actor_ref.exit(NORMAL))

    assert wait_for_exit(ref) == NORMAL


def test_exit_is_trapped_with_the_sender(start: Any) -> None:
    ref, sender = start(Trapping), start(Echo)
    sender.ask(lambda _: ref.exit(SHUTDOWN), timeout=HANG)
    ref.exit(NORMAL)

    assert got(ref) == [ExitSignal(sender, SHUTDOWN), ExitSignal(None, NORMAL)]
    assert not any(signal.linked for signal in got(ref))


def test_exit_killed_cannot_be_trapped_but_a_linked_kill_can(start: Any) -> None:
    ref, other = start(Trapping), start(Echo)
    link(ref, other)
    other.exit(KILLED)
    wait_for_exit(other)
    assert got(ref) == [ExitSignal(other, KILLED)]
    ref.exit(KILLED)

    assert wait_for_exit(ref) == KILLED


def test_exit_to_one_that_has_ended_does_nothing(start: Any) -> None:
    ref = start(Echo)
    ref.stop()
    ref.exit(SHUTDOWN)

    assert ref.exit_reason == NORMAL
    assert ref.links is None


# -- unlink ----------------------------------------------------------------------------------------


def test_after_unlink_an_end_is_not_heard_of(start: Any) -> None:
    ref, other = start(Echo), start(Echo)
    link(ref, other)
    ref.ask(lambda actor: actor.unlink(other), timeout=HANG)
    other.kill()
    wait_for_exit(other)

    assert ref.ask("alive", timeout=HANG) == "alive"


@pytest.mark.parametrize("kind", [Echo, Trapping])
def test_unlink_takes_back_a_signal_that_was_on_its_way(start: Any, kind: type[Actor]) -> None:
    gate, ref, other = Gate(), start(kind), start(Echo)
    link(ref, other)

    def wait_and_unlink(actor: Actor) -> None:
        gate.pass_through()
        actor.unlink(other)

    ref.tell(wait_and_unlink)
    gate.wait_arrived()
    other.kill()
    wait_for_exit(other)  # the signal has been sent
    gate.open()

    assert ref.ask(lambda actor: getattr(actor, "got", []), timeout=HANG) == []


def test_unlink_does_not_take_back_what_exit_sent(start: Any) -> None:
    gate, ref, other = Gate(), start(Trapping), start(Echo)
    link(ref, other)
    held_at(gate, ref)
    other.ask(lambda _: ref.exit(SHUTDOWN), timeout=HANG)
    unlink(ref, other)
    gate.open()

    assert got(ref) == [ExitSignal(other, SHUTDOWN)]


# -- spawn with a link -----------------------------------------------------------------------------


def test_a_linked_spawn_ends_with_its_spawner(start: Any) -> None:
    spawner = start(Echo)
    child = start(Echo, link_to=spawner)
    child.ask("running", timeout=HANG)
    spawner.tell(boom)

    assert isinstance(wait_for_exit(child), Crashed)


def test_a_linked_spawn_whose_spawner_has_ended_never_starts(start: Any) -> None:
    ran: list[str] = []

    class Child(Echo):
        def on_start(self) -> None:
            ran.append("on_start")

        def on_stop(self) -> None:
            ran.append("on_stop")

    spawner = start(Echo)
    spawner.stop()
    child = start(Child, link_to=spawner)

    assert wait_for_exit(child) == NO_PROCESS
    assert ran == []


def test_a_linked_spawn_that_traps_hears_of_it_after_its_start(start: Any) -> None:
    spawner = start(Echo)
    spawner.stop()
    child = start(Trapping, link_to=spawner)

    assert got(child) == [ExitSignal(spawner, NO_PROCESS)]


def test_a_linked_spawn_never_outlives_a_spawner_that_ends_at_once(start: Any) -> None:
    for _ in range(100):
        children: list[Ref] = []
        spawner = start(Echo)
        spawner.tell(lambda actor, c=children: c.append(spawn(Echo, link_to=actor.actor_ref)))
        spawner.tell(boom)
        wait_for_exit(spawner)
        assert isinstance(wait_for_exit(children[0]), Crashed)


def test_a_spawn_linked_to_a_name_that_nobody_has_starts_nothing() -> None:
    names = Registry("names")
    with pytest.raises(NoProcess):
        spawn(Echo, name=names.name("child"), link_to=names.name("nobody"))

    assert names.count() == 0


# -- actors that wait ------------------------------------------------------------------------------


def is_shielded(ref: Ref) -> bool:
    return ref.executor is not None and ref.executor.exposed is None


def test_a_signal_breaks_off_a_wait_for_a_message() -> None:
    gate, ref = Gate(), spawn(Echo)
    answer = ref.ask(
        lambda actor: gate.pass_through() or actor.receive(lambda _: False), block=False
    )
    gate.wait_arrived()
    gate.open()
    wait_until(lambda: is_shielded(ref), what="the wait to begin")
    ref.exit(Crashed(Boom()))

    assert isinstance(wait_for_exit(ref), Crashed)
    with pytest.raises(ActorDead):  # it did not crash on this message
        answer.get(timeout=HANG)


def test_a_wait_for_a_message_may_accept_a_trapped_signal() -> None:
    ref, other, gate = spawn(Trapping), spawn(Echo), Gate()
    link(ref, other)

    def await_exit(actor: Actor) -> Any:
        gate.pass_through()
        return actor.receive(
            lambda item: isinstance(item, ExitSignal) and item.ref is other, timeout=HANG
        )

    answer = ref.ask(await_exit, block=False)
    gate.wait_arrived()
    gate.open()
    ref.exit(SHUTDOWN)  # not the one that is waited for: it comes after
    other.stop()

    assert answer.get(timeout=HANG) == ExitSignal(other, NORMAL)
    assert got(ref) == [ExitSignal(None, SHUTDOWN)]
    ref.stop()


def test_a_supervisor_that_waits_for_a_child_notices_a_signal() -> None:
    gate, stuck, never = Gate(), Script("stuck"), Script("never")
    stuck.next_starts(gate)
    first = Script("first")
    root = spawn(Supervisor, [[first.spec(), stuck.spec(shutdown=HANG), never.spec()]])
    child = first.wait_started()
    gate.wait_arrived()
    root.exit(SHUTDOWN)
    wait_until(lambda: statistics(root).current == "on_stop")
    gate.open()

    assert wait_for_exit(root) == SHUTDOWN
    assert not child.is_alive()
    assert never.attempts == 0


def test_a_supervisor_stops_its_children_in_order_when_a_signal_ends_it() -> None:
    journal: list[Any] = []
    scripts = [Script(name, journal) for name in "abc"]
    root = Supervisor.start([script.spec() for script in scripts])
    other = spawn(Echo)
    link(root, other)
    other.kill()

    assert wait_for_exit(root) == KILLED
    assert [name for what, name in journal if what == "stop"] == ["c", "b", "a"]


@pytest.mark.parametrize("made_by", ["spec", "start function"])
def test_a_child_that_is_linked_with_its_supervisor_is_restarted(made_by: str) -> None:
    script = Script()
    root = Supervisor.start()

    def make() -> Ref:
        return spawn(Scripted, [script], link_to=root)

    spec = script.spec() if made_by == "spec" else ChildSpec(id="child", start=make)
    start_child(root, spec)
    child = script.wait_started()
    link(root, child)
    child.tell(Fail(Boom()))

    second = script.wait_started()
    assert second is not child
    assert root.is_alive()
    root.stop()


# -- races -----------------------------------------------------------------------------------------


def race(*steps: Any) -> None:
    """Run the steps at once, each in a thread of its own."""
    barrier = threading.Barrier(len(steps))
    threads = [
        threading.Thread(target=lambda step=step: (barrier.wait(HANG), step())) for step in steps
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)


def test_a_link_that_races_the_end_is_always_heard_of(start: Any) -> None:
    watcher = start(Trapping)
    refs = [start(Echo) for _ in range(200)]
    for ref in refs:
        race(lambda r=ref: link(watcher, r), lambda r=ref: r.shutdown())
        wait_for_exit(ref)

    signals = got(watcher)
    assert [signal.ref for signal in signals] == refs
    assert {signal.reason for signal in signals} <= {SHUTDOWN, NO_PROCESS}
    assert linked(watcher) == []


def test_an_unlink_that_races_the_end_is_final(start: Any) -> None:
    """Whether it came first or not: when it has returned, nothing comes any more."""
    watcher = start(Trapping)
    for _ in range(200):
        ref = start(Echo)
        link(watcher, ref)
        before: list[int] = []

        def cut(actor: Any, ref: Ref = ref, before: list[int] = before) -> None:
            actor.unlink(ref)
            before.append(len(actor.got))

        race(lambda r=ref, c=cut: watcher.ask(c, timeout=HANG), lambda r=ref: r.shutdown())
        wait_for_exit(ref)
        assert len(got(watcher)) == before[0]
    assert linked(watcher) == []


def test_two_that_end_at_the_same_moment_leave_nothing(start: Any) -> None:
    for _ in range(100):
        first, second = start(Echo), start(Echo)
        link(first, second)
        race(lambda r=first: r.shutdown(), lambda r=second: r.kill())
        wait_for_exit(first)
        wait_for_exit(second)
        assert first.links is None
        assert second.links is None


def test_killing_who_links_leaves_the_links_whole(start: Any) -> None:
    """The lock is free afterwards, and both sides agree."""
    other = start(Trapping)

    def link_for_ever(actor: Actor) -> None:
        while True:
            actor.link(other)
            actor.unlink(other)

    for _ in range(20):
        ref = start(Echo)
        ref.tell(link_for_ever)
        wait_until(lambda ref=ref: ref.handled > 0)
        ref.kill()
        wait_for_exit(ref)
    assert linked(other) == []


def test_a_signal_waits_for_the_end_of_a_message_that_blocks(start: Any) -> None:
    """A thread cannot be interrupted safely: the message is finished first."""
    gate, finished = Gate(), threading.Event()

    def wait(_: Actor) -> None:
        with blocking():
            gate.pass_through()
        assert current_ref() is not None
        finished.set()

    ref = start(Echo)
    ref.tell(wait)
    gate.wait_arrived()
    ref.exit(SHUTDOWN)
    assert ref.is_alive()
    gate.open()

    assert wait_for_exit(ref) == SHUTDOWN
    assert finished.is_set()
