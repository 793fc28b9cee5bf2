"""Timers whose keeper is killed, at moments that the seed chooses."""

from __future__ import annotations

from collections import Counter
from functools import partial

from supervision import Supervisor, SupervisorFlags, Timers, TimersKeeper, child_spec, spawn
from supervision.administration import which_children
from tests.simulation.scheduler import Scheduler
from tests.simulation.substitution import simulated, thread_locals

TIMERS = 30


def fired_under_kills(seed: int) -> Counter[int]:
    """Set timers and kill their keeper, again and again; return how often each has fired."""
    fired: Counter[int] = Counter()
    scheduler = Scheduler(seed, locals=thread_locals())

    def note(number: int) -> None:
        with made.lock():  # as actions do: here a kill may come
            fired.update([number])

    def main() -> None:
        timers = Timers()
        flags = SupervisorFlags(max_restarts=1000)
        spec = child_spec(TimersKeeper, timers, id="timers")
        root = spawn(Supervisor, ([spec], flags))
        for number in range(TIMERS):
            timers.call_after(number * 1e-4, partial(note, number))
            scheduler.wait_steps(scheduler.chance.randrange(1, 40))
            (keeper,) = which_children(root)
            if keeper.ref is not None:
                keeper.ref.kill()
        scheduler.wait(None, 10.0)
        root.kill()

    with simulated(scheduler, seed) as made:
        scheduler.run(main)
    return fired


def test_a_keeper_that_is_killed_loses_no_timer_and_fires_none_twice() -> None:
    for seed in range(100):
        assert fired_under_kills(seed) == Counter(range(TIMERS)), f"seed {seed}"
