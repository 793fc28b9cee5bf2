"""One scheduler that decides, by a seed, which thread goes on: the same seed, the same run.

All of a simulation is on one thread of the system. What the program takes for threads are fibers
(greenlets): one goes on until it waits, or until the scheduler has another go on at a *point*. A
point is wherever threads meet: a lock is taken or given back, a message is put into a mailbox or
taken out, a thread is started, somebody sleeps. Between two points nobody else runs, so a run is a
sequence of choices, and those are drawn from the seed. After FoundationDB's simulator and Shuttle.

Time is what the scheduler says it is. It stands still while somebody can go on (but for a
microsecond at each look at a clock), and jumps to the next who waits for a time when nobody can.
Now and then it jumps although somebody could: that is a machine on which somebody was slow.

A kill is an exception raised in another thread. CPython raises it at the thread's next step in
Python, which is never while it waits; here it is raised at its next point, and never in a wait.
"""

from __future__ import annotations

import hashlib
import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from tests.simulation.fibers import Deadlock, Fiber, SimulationError, SimulationOver, told_of

__all__ = ["Scheduler"]

TICK = 1e-6
MOST_STEPS = 3_000_000
SWITCHES = (1, 2, 4, 8, 20)
"""At every how many-th point another fiber goes on, on average; a seed has one of them."""

SLOW_FIBERS = (0.0, 0.0, 0.1, 0.3)
"""How many of the fibers are slow; a seed has one of them."""

EARLY_JUMPS = (0.0, 0.0, 0.001, 0.01)
"""How often time jumps although somebody could go on; a seed has one of them."""

SLOW_SECONDS = 1.0
"""So far it jumps then at most."""


class Scheduler:
    """Runs a function and all the threads that come of it. `locals` are theirs, one each."""

    def __init__(self, seed: int, *, locals: tuple[Any, ...] = ()) -> None:  # noqa: A002 - what they are
        self.chance = random.Random(f"{seed}:schedule")
        self.current: Fiber | None = None
        self.now = 1000.0
        self.steps = 0
        self.switches = 0
        self.over = False
        self._every = self.chance.choice(SWITCHES)
        self._slow = self.chance.choice(SLOW_FIBERS)
        self._early = self.chance.choice(EARLY_JUMPS)
        self._until_switch = 1
        self._locals = locals
        self._runnable: list[Fiber] = []
        self._sleeping: list[tuple[float, int, Fiber]] = []
        self._for_steps: list[tuple[int, int, Fiber]] = []
        self._waits = count(1)
        self._idents = count(1)
        self._fibers: dict[int, Fiber] = {}
        self._trace = hashlib.blake2b(digest_size=16)
        self._root = getcurrent()
        self._failure: BaseException | None = None

    # -- running -----------------------------------------------------------------------------------

    def run(self, main: Callable[[], object]) -> None:
        """Run `main` and what comes of it until it returns; what is left then is thrown away.

        Raises:
            Deadlock: nobody could go on.
            SimulationError: it did not come to an end.
            Exception: whatever `main` raised.
        """
        self._root = getcurrent()
        self._failure = None
        self.over = False
        self._runnable, self._sleeping, self._for_steps, self._fibers = [], [], [], {}
        fiber = self.start("main", main, ends_all=True)
        self._runnable.remove(fiber)
        self._become(fiber)
        fiber.runner.switch()
        self._end()
        if self._failure is not None:
            raise self._failure

    def start(self, name: str, body: Callable[[], object], *, ends_all: bool = False) -> Fiber:
        """Have a fiber run `body` from the next point on; its end may be the end of all."""

        def run(*_: object) -> None:
            ends = ends_all
            try:
                body()
            except (GreenletExit, SimulationOver):
                ends = True
            except BaseException as problem:  # noqa: BLE001 - raised where the simulation was begun
                if not self.over:  # what is thrown away may well fall over itself
                    self._failure = self._failure or problem
                ends = True
            self._done(fiber, ends=self.over or ends)

        ident = next(self._idents)
        slow = not ends_all and self.chance.random() < self._slow
        fiber = Fiber(ident, name, greenlet(run, parent=self._root), slow=slow)
        fiber.kept = [{} for _ in self._locals]
        self._fibers[ident] = fiber
        self._runnable.append(fiber)
        return fiber

    def fail(self, problem: BaseException) -> None:
        """End the simulation here and now: `run` raises `problem`."""
        if not self.over:
            self._failure = self._failure or problem
            self._root.switch()
            raise SimulationOver

    def trace(self) -> str:
        """Return a digest of every choice that was made until now."""
        return self._trace.hexdigest()

    def note(self, what: str) -> None:
        """Make `what` part of the trace."""
        self._trace.update(what.encode())

    # -- what fibers call --------------------------------------------------------------------------

    def point(self) -> None:
        """Here another fiber may go on, and here a kill is raised."""
        fiber = self.current
        if fiber is None or self.over:
            return
        self.between()
        if fiber.pending is not None:
            pending, fiber.pending = fiber.pending, None
            raise pending

    def between(self) -> None:
        """Here another fiber may go on, but no kill is raised."""
        self.steps += 1
        self._until_switch -= 1
        if self._until_switch <= 0 and self.current is not None and not self.over:
            self._until_switch = int(self.chance.random() * 2 * self._every) + 1
            self._runnable.append(self.current)
            self._go_on()

    def wait(self, waiting: deque[Fiber] | None, seconds: float | None) -> bool:
        """Wait to be woken, as one of `waiting`; return whether that was so within `seconds`."""
        fiber = self.current
        if self.over or fiber is None:
            raise SimulationOver
        number = fiber.blocked = next(self._waits)
        if waiting is not None:
            waiting.append(fiber)
        if seconds is not None:
            heapq.heappush(self._sleeping, (self.now + max(0.0, seconds), number, fiber))
        self._go_on()
        if waiting is not None and fiber in waiting:
            waiting.remove(fiber)
            return False
        return waiting is not None

    def wake(self, fiber: Fiber) -> None:
        """Have a fiber that waits go on; it is taken out of where it waits by the caller."""
        if fiber.blocked and not self.over:
            fiber.blocked = 0
            self._runnable.append(fiber)

    def wait_steps(self, steps: int) -> None:
        """Wait until so many points were passed: a moment of the run, not of time."""
        fiber = self.current
        if self.over or fiber is None:
            raise SimulationOver
        number = fiber.blocked = next(self._waits)
        heapq.heappush(self._for_steps, (self.steps + steps, number, fiber))
        self._go_on()

    def raise_in(self, ident: int, exception: type[BaseException]) -> None:
        """Have `exception` raised in a fiber at its next point."""
        fiber = self._fibers.get(ident)
        if fiber is not None:
            fiber.pending = exception

    def look(self) -> None:
        """Raise at once what is to be raised in the fiber that runs."""
        fiber = self.current
        if fiber is not None and fiber.pending is not None:
            pending, fiber.pending = fiber.pending, None
            raise pending

    def tick(self) -> float:
        """Look at the clock."""
        self.now += TICK
        return self.now

    # -- who goes on -------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Choose who goes on, and return when it is the caller's turn again."""
        before = self.current
        following = self._choose()
        if following is None:
            self._root.switch()
            raise SimulationOver
        self.switches += 1
        self._trace.update(following.ident.to_bytes(4, "big"))
        if following is not before:
            if before is not None:
                for one, kept in zip(self._locals, before.kept, strict=True):
                    kept.clear()
                    kept.update(vars(one))
            self._become(following)
            following.runner.switch()
            if self.over:
                raise SimulationOver

    def _done(self, fiber: Fiber, *, ends: bool) -> None:
        """A fiber has ended: whoever its greenlet returns to goes on."""
        fiber.done = True
        self._fibers.pop(fiber.ident, None)
        if ends:
            return  # to the root
        for joiner in fiber.joiners:
            self.wake(joiner)
        following = self._choose()
        if following is not None:
            self._trace.update(following.ident.to_bytes(4, "big"))
            self._become(following)
            fiber.runner.parent = following.runner

    def _become(self, fiber: Fiber) -> None:
        self.current = fiber
        for one, kept in zip(self._locals, fiber.kept, strict=True):
            its_own = vars(one)
            its_own.clear()
            its_own.update(kept)

    def _choose(self) -> Fiber | None:
        if self.steps > MOST_STEPS:
            self._failure = SimulationError(
                f"no end after {self.steps:,} steps:\n{told_of(self._fibers.values())}"
            )
            return None
        while self._for_steps and self._for_steps[0][0] <= self.steps:
            _, number, fiber = heapq.heappop(self._for_steps)
            self._time_out(number, fiber)
        runnable = self._runnable
        if self._sleeping and self._early and self.chance.random() < self._early:
            self._jump(within=SLOW_SECONDS)
        while not runnable:
            if self._sleeping:
                self._jump()
            elif self._for_steps:
                _, number, fiber = heapq.heappop(self._for_steps)
                self._time_out(number, fiber)
            else:
                self._failure = Deadlock(f"nobody can go on:\n{told_of(self._fibers.values())}")
                return None
        at = int(self.chance.random() * len(runnable))
        if runnable[at].slow and self.chance.random() < 0.9:
            at = int(self.chance.random() * len(runnable))
        runnable[at], runnable[-1] = runnable[-1], runnable[at]
        return runnable.pop()

    def _jump(self, *, within: float = math.inf) -> None:
        """To the next one who waits for a time, if that is near enough."""
        if self._sleeping[0][0] - self.now > within:
            return
        when, number, fiber = heapq.heappop(self._sleeping)
        if fiber.blocked == number:
            self.now = max(self.now, when)
            self._time_out(number, fiber)

    def _time_out(self, number: int, fiber: Fiber) -> None:
        if fiber.blocked == number:
            fiber.blocked = 0
            self._runnable.append(fiber)

    # -- the end -----------------------------------------------------------------------------------

    def _end(self) -> None:
        """Throw away what is left: whatever waits is told that all is over."""
        self.over = True
        for fiber in list(self._fibers.values()):
            if fiber.runner and not fiber.done:
                self._leave_alone(fiber)
                fiber.runner.throw(GreenletExit)
        self.current = None
        for one in self._locals:
            vars(one).clear()

    def _leave_alone(self, fiber: Fiber) -> None:
        self.current = fiber
        for one, kept in zip(self._locals, fiber.kept, strict=True):
            vars(one).clear()
            vars(one).update(kept)
