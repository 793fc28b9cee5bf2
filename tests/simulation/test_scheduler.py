"""The scheduler and its primitives: what the simulation of the ledger stands on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from supervision import OWN_THREAD, POOLED, Actor, ActorDead, Ref, Timers, TimersKeeper, spawn
from supervision.reasons import KILLED
from tests.simulation.fibers import Deadlock
from tests.simulation.primitives import Primitives
from tests.simulation.scheduler import Scheduler
from tests.simulation.substitution import simulated, thread_locals


def run(seed: int, main: Callable[[Primitives], object]) -> Scheduler:
    """Run `main` on a scheduler of that seed."""
    scheduler = Scheduler(seed, locals=thread_locals())
    with simulated(scheduler, seed) as made:
        scheduler.run(lambda: main(made))
    return scheduler


class Noting(Actor):
    """Notes what it is told, and answers with what it has noted."""

    def __init__(self, noted: list[str]) -> None:
        super().__init__()
        self._noted = noted

    def on_receive(self, message: str) -> list[str]:
        """Note it."""
        self._noted.append(message)
        return list(self._noted)


def told_by_two(seed: int) -> list[str]:
    """Have two threads tell one actor, and return the order in which it was told."""
    noted: list[str] = []

    def main(made: Primitives) -> None:
        ref = spawn(Noting, (noted,))
        threads = [made.thread(target=tell, args=(ref, name)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ref.ask("end")
        ref.kill()

    def tell(ref: Ref, name: str) -> None:
        for number in range(3):
            ref.tell(f"{name}{number}")

    run(seed, main)
    return noted


def test_the_same_seed_is_the_same_run() -> None:
    assert [told_by_two(seed) for seed in range(20)] == [told_by_two(seed) for seed in range(20)]


def test_seeds_differ_in_whose_message_comes_first() -> None:
    orders = {tuple(told_by_two(seed)) for seed in range(200)}
    assert len(orders) > 12  # of the 20 that there are: three of six places


@pytest.mark.parametrize("dispatcher", [OWN_THREAD, POOLED], ids=["own-thread", "pooled"])
def test_a_kill_ends_the_actor_and_answers_who_waits(dispatcher: object) -> None:
    ends: list[object] = []

    class Waiting(Actor):
        def on_receive(self, message: object) -> object:
            del message
            return self.defer_reply()

    def main(_: Primitives) -> None:
        ref = spawn(Waiting, (), dispatcher=dispatcher)
        answer = ref.ask("anything", block=False)
        ref.kill()
        with pytest.raises(ActorDead):
            answer.get(timeout=5)
        ends.append(ref.exit_reason)

    for seed in range(50):
        run(seed, main)
    assert ends == [KILLED] * 50


def test_time_jumps_to_the_next_who_waits_for_it() -> None:
    noted: list[str] = []

    def main(_: Primitives) -> None:
        timers = Timers()
        keeper = spawn(TimersKeeper, (timers,))
        ref = spawn(Noting, (noted,))
        timers.send_after(7200.0, ref, "in two hours")
        timers.send_after(3600.0, ref, "in an hour")
        scheduler.wait(None, 10_000.0)
        ref.kill()
        keeper.kill()

    scheduler = Scheduler(1, locals=thread_locals())
    with simulated(scheduler, 1) as made:
        scheduler.run(lambda: main(made))
    assert noted == ["in an hour", "in two hours"]
    assert scheduler.now == pytest.approx(11_000.0, abs=0.1)


def test_who_waits_for_each_other_is_a_deadlock_that_says_who() -> None:
    def main(made: Primitives) -> None:
        one, other = made.lock(), made.lock()

        def take(first: object, second: object) -> None:
            with first:  # type: ignore[attr-defined]
                scheduler.wait(None, 1.0)
                with second:  # type: ignore[attr-defined]
                    pass

        left = made.thread(target=take, args=(one, other), name="left")
        right = made.thread(target=take, args=(other, one), name="right")
        left.start()
        right.start()
        left.join()

    scheduler = Scheduler(3)
    with simulated(scheduler, 3) as made, pytest.raises(Deadlock, match=r"(?s)left.*right"):
        scheduler.run(lambda: main(made))


def test_the_packages_are_as_before_when_a_simulation_is_over() -> None:
    import queue
    import threading

    import supervision.mailbox
    import supervision.pool
    from supervision import pool

    before = POOLED._pool
    run(1, lambda _: None)
    assert supervision.mailbox.queue is queue
    assert supervision.mailbox.threading is threading
    assert pool.threading is threading
    assert POOLED._pool is before
