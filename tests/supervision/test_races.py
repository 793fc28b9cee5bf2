"""Pairs of things that happen at once: whichever is first, the outcome is one of the right ones.

Each is run many times, both sides let go by a barrier.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from supervision import (
    KILLED,
    TEMPORARY,
    ActorDead,
    AlreadyRegistered,
    DynamicSupervisor,
    Future,
    ManualClock,
    Ref,
    Registry,
    StartFailed,
    Supervisor,
    Timers,
    child_spec,
    dead_letters,
    monitor,
    start_child,
    terminate_child,
)
from supervision.testing import HANG, wait_for_exit, wait_until
from supervision.testing_children import Script
from tests.supervision.echo import Echo

ROUNDS = 60


def at_once(*sides: Callable[[], Any]) -> list[Any]:
    """Call all in threads of their own, let go together; return what each returned or raised."""
    barrier = threading.Barrier(len(sides))
    outcomes: list[Any] = [None] * len(sides)

    def run(number: int, side: Callable[[], Any]) -> None:
        barrier.wait(HANG)
        try:
            outcomes[number] = side()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(sides)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)
        assert not thread.is_alive()
    return outcomes


def outcome_of(answer: Future[Any]) -> Any:
    try:
        return answer.get(timeout=HANG)
    except ActorDead as error:
        return error


def wait_for_all(seen: list[Any], letters_before: int, sent: int) -> None:
    """Wait until as many were handled or are dead letters as were sent."""
    wait_until(lambda: len(seen) + dead_letters.count - letters_before == sent)


def test_register_and_exit(start: Any) -> None:
    """A name of an actor that has ended is free, whenever it was registered."""
    names = Registry("names")
    for _ in range(ROUNDS):
        ref, heir = start(Echo), start(Echo)
        at_once(lambda ref=ref: names.register("key", ref), ref.shutdown)
        wait_for_exit(ref)
        assert names.whereis("key") is None
        assert names.count() == 0
        names.register("key", heir)
        names.unregister("key", heir)


def test_two_that_register_one_name(start: Any) -> None:
    names = Registry("names")
    for key in range(ROUNDS):
        pair = [start(Echo), start(Echo)]
        outcomes = at_once(*(lambda ref=ref, key=key: names.register(key, ref) for ref in pair))
        winner = pair[outcomes.index(None)]
        (refusal,) = [one for one in outcomes if one is not None]
        assert isinstance(refusal, AlreadyRegistered)
        assert refusal.ref is names.whereis(key) is winner


@pytest.mark.parametrize("end", ["shutdown", "kill", "abandon"])
def test_ask_and_exit(start: Any, end: str) -> None:
    for _ in range(ROUNDS):
        ref = start(Echo)
        answers = at_once(
            lambda ref=ref: ref.ask("a", timeout=HANG),
            getattr(ref, end),
            lambda ref=ref: ref.ask("b", timeout=HANG),
        )
        assert answers[0] == "a" or isinstance(answers[0], ActorDead)
        assert answers[2] == "b" or isinstance(answers[2], ActorDead)
        wait_for_exit(ref)


def test_tell_and_exit(start: Any) -> None:
    """Each message is handled, refused to its sender, or a dead letter; never two, never none."""
    for _ in range(ROUNDS):
        seen: list[int] = []
        ref = start(Echo)

        def tell(ref: Ref = ref, seen: list[int] = seen) -> int:
            for told in range(5):
                try:
                    ref.tell(lambda _, told=told: seen.append(told))
                except ActorDead:
                    return told
            return 5

        before = dead_letters.count
        told, _ = at_once(tell, ref.shutdown)
        wait_for_exit(ref)
        wait_for_all(seen, before, told)
        assert seen == list(range(len(seen)))


def test_timer_and_exit(start: Any) -> None:
    for _ in range(ROUNDS):
        clock, seen = ManualClock(), list[Any]()
        timers, ref = Timers(clock), start(Echo)
        timers.send_after(1, ref, lambda _, seen=seen: seen.append("fired"))
        clock.advance(1)
        before = dead_letters.count
        at_once(timers.fire_due, ref.shutdown)
        wait_for_exit(ref)
        wait_for_all(seen, before, 1)


def test_cancel_and_fire(start: Any) -> None:
    for _ in range(ROUNDS):
        clock, fired = ManualClock(), list[str]()
        timers = Timers(clock)
        timer = timers.call_after(1, lambda fired=fired: fired.append("fired"))
        clock.advance(1)
        cancelled, _ = at_once(timer.cancel, timers.fire_due)
        assert cancelled is not bool(fired)
        assert len(timers) == 0


def test_restart_and_shutdown() -> None:
    """A tree that is stopped while a child is being restarted leaves no child behind."""
    for _ in range(20):
        script = Script()
        root = Supervisor.start([script.spec()])
        first = script.wait_started()
        at_once(first.kill, root.stop)
        assert root.exit_reason is not None
        assert first.exit_reason is not None
        while script.journal.count(("start", "child")) > 1:
            second = script.wait_started()
            assert second.exit_reason is not None
            script.journal.remove(("start", "child"))


def test_start_child_and_terminate() -> None:
    """The child that was started is under its supervisor, or has ended; never neither."""
    root = DynamicSupervisor.start()
    for _ in range(20):
        ref = start_child(root, child_spec(Echo, restart=TEMPORARY), timeout=HANG)
        started, ended = at_once(
            lambda: start_child(root, child_spec(Echo, restart=TEMPORARY), timeout=HANG),
            lambda ref=ref: terminate_child(root, ref, timeout=HANG),
        )
        assert isinstance(started, Ref)
        assert not isinstance(ended, Exception)
        assert ref.exit_reason is not None
        assert started.ask("runs", timeout=HANG) == "runs"
    root.stop()


def test_start_child_and_the_end_of_its_supervisor() -> None:
    for _ in range(20):
        root = DynamicSupervisor.start()
        started, _ = at_once(
            lambda root=root: start_child(root, child_spec(Echo), timeout=HANG), root.stop
        )
        if isinstance(started, Ref):
            wait_for_exit(started)
        else:
            assert isinstance(started, (ActorDead, StartFailed))


def test_kill_and_reply(start: Any) -> None:
    """The asker gets the answer or the exit reason, and the actor ends once, killed."""
    for _ in range(ROUNDS):
        ref, ends = start(Echo), list[Any]()
        monitor(ref, ends.append)
        future = ref.ask("answer", block=False)
        at_once(ref.kill, lambda ref=ref: ref.tell("more") if ref.is_alive() else None)
        answer = outcome_of(future)
        assert answer == "answer" or isinstance(answer, ActorDead)
        assert wait_for_exit(ref) == KILLED
        assert len(ends) == 1


def test_monitor_and_exit(start: Any) -> None:
    for _ in range(ROUNDS):
        ref, downs = start(Echo), list[Any]()
        at_once(
            lambda ref=ref, downs=downs: monitor(ref, downs.append),
            ref.shutdown,
            lambda ref=ref, downs=downs: monitor(ref, downs.append),
        )
        wait_for_exit(ref)
        assert [down.ref for down in downs] == [ref, ref]


def test_end_and_end(start: Any) -> None:
    """A kill, an abandonment and a crash at once are one end."""
    for _ in range(ROUNDS):
        ref, downs = start(Echo), list[Any]()
        monitor(ref, downs.append)
        at_once(ref.kill, ref.abandon, lambda ref=ref: ref.crash(RuntimeError("at once")))
        reason = wait_for_exit(ref)
        assert [down.reason for down in downs] == [reason]
