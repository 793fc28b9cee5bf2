"""What a message costs an actor, beside Pykka's in the same run: `python benchmarks/turns.py`.

CPU time of all threads, in microseconds a message: a machine that does other things as well changes
it less than the time on the wall. `one turn each`: a message to each of many pooled actors that
have nothing else to do, which is what most actors of a ledger do. `many`: all to one actor. With
`--actors N`, also what starting that many costs, and what they take of the memory.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pykka

from supervision import (
    OWN_THREAD,
    POOLED,
    TEMPORARY,
    Actor,
    DynamicSupervisor,
    Registry,
    child_spec,
)
from supervision.administration import count_children, start_child_async

FLEET = 1_000


class Latch:
    """Counts down in the actors' threads; `wait` returns when it has come to nothing."""

    def __init__(self, count: int) -> None:
        self._left = [None] * (count - 1)  # whoever finds it empty is the last
        self._done = threading.Event()

    def down(self) -> None:
        try:
            self._left.pop()
        except IndexError:
            self._done.set()

    def wait(self) -> None:
        if not self._done.wait(120):
            raise SystemExit("a message was not handled within two minutes")


class Ours(Actor):
    """Counts down by what it is told, and answers what it is asked."""

    def on_receive(self, message: Any) -> Any:
        if message.__class__ is Latch:
            message.down()
        return message


class Theirs(pykka.ThreadingActor):
    """The same on Pykka's own actor."""

    on_receive = Ours.on_receive


def start(kind: type[Any], *, pooled: bool = False) -> Any:
    """Start an actor of ours, or of Pykka's."""
    if kind is Theirs:
        return Theirs.start()
    actor = kind()
    actor.actor_ref.dispatcher = POOLED if pooled else OWN_THREAD
    actor.actor_ref.dispatcher.begin(actor)
    return actor.actor_ref


def told(refs: list[Any], messages: int) -> int:
    """Tell them `messages` messages, one to each in turn; return when all were handled."""
    latch = Latch(messages)
    for _ in range(messages // len(refs)):
        for ref in refs:
            ref.tell(latch)
    latch.wait()
    return messages


def told_idle(refs: list[Any], times: int) -> int:
    """Tell each of them one message, when all have handled the one before; so many times."""
    return sum(told(refs, len(refs)) for _ in range(times))


def asked(refs: list[Any], each: int) -> int:
    """Ask each of them `each` questions, waiting for each answer."""
    for _ in range(each):
        for ref in refs:
            ref.ask(None)
    return len(refs) * each


def asked_ahead(refs: list[Any], each: int) -> int:
    """Ask each of them `each` questions, one to each before the answers are read."""
    for _ in range(each):
        for answer in [ref.ask(None, block=False) for ref in refs]:
            answer.get()
    return len(refs) * each


def measured(work: Callable[[], int]) -> tuple[float, float]:
    """Return the CPU microseconds and the microseconds on the wall that a message took."""
    gc.collect()
    began, cpu = time.perf_counter(), time.process_time()
    messages = work()
    cpu = time.process_time() - cpu
    return cpu / messages * 1e6, (time.perf_counter() - began) / messages * 1e6


def rows(scale: int) -> dict[str, Callable[[], int]]:
    """Return what is measured, by its name."""
    fleet = [start(Ours, pooled=True) for _ in range(FLEET)]
    pooled, alone = start(Ours, pooled=True), start(Ours)
    theirs = start(Theirs)
    return {
        "tell, pooled, one turn each": lambda: told_idle(fleet, 20 * scale),
        "tell, pooled, many": lambda: told([pooled], 20_000 * scale),
        "tell, own thread, many": lambda: told([alone], 20_000 * scale),
        "tell, Pykka, many": lambda: told([theirs], 10_000 * scale),
        "ask, pooled, one each, ahead": lambda: asked_ahead(fleet, 10 * scale),
        "ask, pooled, one each": lambda: asked(fleet, 5 * scale),
        "ask, pooled, one actor": lambda: asked([pooled], 5_000 * scale),
        "ask, own thread": lambda: asked([alone], 5_000 * scale),
        "ask, Pykka": lambda: asked([theirs], 2_500 * scale),
    }


def resident() -> int:
    """Return the bytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def fleet_of(number: int) -> None:
    """Start `number` pooled, registered children and print what they cost."""
    names = Registry("names")
    supervisor = DynamicSupervisor.start()
    gc.collect()
    before = resident()
    began, cpu = time.perf_counter(), time.process_time()
    for index in range(number):
        key = ("fleet", f"account-{index:08d}")
        spec = child_spec(
            Ours,
            id=key,
            restart=TEMPORARY,
            name=names.name(key),
            await_start=False,
            dispatcher=POOLED,
        )
        start_child_async(supervisor, spec)
    count_children(supervisor)
    while names.whereis(("fleet", f"account-{number - 1:08d}")).started_at is None:  # type: ignore[union-attr]
        time.sleep(0.01)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    gc.collect()
    print(
        f"{number:,} supervised, registered, pooled actors: {number / wall:,.0f} started a second,"
        f" {cpu / number * 1e6:.1f} us CPU and {(resident() - before) / number:,.0f} bytes each"
    )
    del spec
    stopping = time.perf_counter()
    supervisor.stop()
    print(f"stopped in {time.perf_counter() - stopping:.1f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="turns", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=int, default=1, help="messages of a run, times this")
    parser.add_argument("--actors", type=int, default=0, help="start so many, too")
    options = parser.parse_args()
    work = rows(options.scale)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for _ in range(options.runs):
        for name, one in work.items():
            taken[name].append(measured(one))
    print("                                CPU us a message    wall us   (median; least to most)")
    for name, figures in taken.items():
        cpu, wall = sorted(f[0] for f in figures), sorted(f[1] for f in figures)
        print(
            f"{name:30} {statistics.median(cpu):8.2f}  ({cpu[0]:.2f} to {cpu[-1]:.2f})"
            f"  {statistics.median(wall):8.2f}  ({wall[0]:.2f} to {wall[-1]:.2f})"
        )
    pykka.ActorRegistry.stop_all()
    if options.actors:
        fleet_of(options.actors)


if __name__ == "__main__":
    main()
