"""Live aggregates: how many bytes each, how fast they start, how long a crash takes.

In a process of its own, with the collector and the processor as the daemon has them. Aggregates
are started as in the daemon: a message finds no actor under its name, its supervisor starts one,
which hydrates before it answers. Three fifths are started as an import starts them, so many at once
as it has under way, each in time when it has hydrated; a fifth likewise, and each is asked for its
state and answers; a fifth is asked one by one. Each has one event, and its bytes are counted with
its state.

Of those that crash half have just as many events as there are between two snapshots, and one in
their file; the others have one event less, no snapshot, and read all of them again.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import histories, targets, workload
from benchmarks.measuring import (
    Figure,
    Rates,
    ensure,
    interleaved,
    isolated,
    rate,
    resident_bytes,
    seconds,
)
from benchmarks.peers import pykka_actors
from benchmarks.scale import Scale
from ledger_actors import processors
from ledger_actors.daemon import collector
from ledger_actors.ledger.aggregates.account import Account
from ledger_actors.runtime import Runtime, RuntimeOptions
from ledger_actors.runtime.on_demand import OnDemand
from supervision import count_children

EVENTS = 100
"""What an aggregate that crashes has, and of how many there is a snapshot, as in the daemon."""

PYKKA_ACTORS = 2_000
WINDOW = 1_000
TOGETHER = 256
OPTIONS = RuntimeOptions(
    hydration_delay=0, hydration_delay_entropy=0, snapshot_every=EVENTS, idle_timeout=86_400
)


class Crash(Exception):
    """What the aggregates crash of."""


def figures(scale: Scale) -> Iterator[Figure]:
    """Yield bytes, starts and crashes with so many aggregates live."""
    found = interleaved(scale.repeats, [partial(_ours, scale), partial(_pykka, scale)])
    many = f"{scale.live:,} live aggregates"
    peer = "Pykka's ThreadingActor"
    yield Figure(
        f"{many}: each, with its state",
        "bytes",
        found["bytes"],
        peer,
        found["Pykka bytes"],
        targets.BYTES_AN_AGGREGATE,
    )
    yield Figure(
        f"{many}: started, supervised, registered",
        "a second",
        found["starts"],
        peer,
        found["Pykka starts"],
        targets.STARTS,
    )
    yield Figure(
        f"{many}: started likewise, and each asked once",
        "a second",
        found["asked starts"],
        peer,
        found["Pykka starts"],
    )
    yield Figure(
        f"{many}: started one by one, by the message that asks it",
        "a second",
        found["single starts"],
        peer,
        found["Pykka starts"],
    )
    yield Figure(
        f"{many}: one of {EVENTS} events crashes, its next command is answered",
        "ms",
        found["crash"],
        target=targets.CRASH_TO_ANSWER,
    )
    yield Figure(
        f"{many}: the same with {EVENTS - 1} events and no snapshot", "ms", found["bare crash"]
    )


def _pykka(scale: Scale, _place: Path) -> Rates:
    return isolated(pykka_actors.live, min(PYKKA_ACTORS, scale.live))


def _ours(scale: Scale, place: Path) -> Rates:
    return isolated(live, place, count=scale.live, crashes=scale.crashes)


def live(place: Path, *, count: int, crashes: int) -> Rates:
    """Start `count` aggregates, crash some others of both kinds; return what it took."""
    processors.keep_to(1)
    accounts = count + 2 * crashes
    histories.write(place, events=1 + accounts, accounts=accounts)
    with (
        workload.daemons_logs(place),
        workload.runtime(place, OPTIONS, projectors=(), process_managers=()) as opened,
    ):
        _deposit(opened, crashes)
        collector.settle()
        before = resident_bytes()
        fifth = count // 5
        alone = range(2 * crashes, 2 * crashes + fifth)
        asked = range(alone.stop, alone.stop + fifth)
        rest = range(asked.stop, accounts)
        found = {
            "single starts": rate(len(alone), _ask_each, opened, alone),
            "asked starts": rate(len(asked), _ask_together, opened, asked),
            "starts": rate(len(rest), _start_together, opened, rest),
        }
        gc.collect()
        found["bytes"] = (resident_bytes() - before) / count
        alive = count_children(opened.system.aggregates).active
        ensure(alive >= count, f"{alive} aggregates are live, not {count}")
        found["crash"] = _crash(opened, range(crashes), EVENTS)
        found["bare crash"] = _crash(opened, range(crashes, 2 * crashes), EVENTS - 1)
        workload.check(opened.system.store, events=1 + count + 2 * crashes * (EVENTS + 1) - crashes)
    return found


def _deposit(opened: Runtime, crashes: int) -> None:
    """Give the accounts that are to crash their other events; they are live then."""
    for count, accounts in (((EVENTS - 2) * 2 * crashes, 2 * crashes), (crashes, crashes)):
        workload.dispatch_all(opened, workload.deposit_structs(count, accounts), window=WINDOW)
    last = Account.stream(workload.account(crashes - 1))
    deadline = time.monotonic() + workload.PATIENCE
    while opened.system.store.load_snapshot(last) is None:
        ensure(time.monotonic() < deadline, f"there is no snapshot of {last}")
        time.sleep(0.01)


def _crash(opened: Runtime, numbers: range, events: int) -> float:
    """Crash these accounts; return the median of the milliseconds until each has answered."""
    taken = [
        crash_and_send(opened, workload.account(number), version=events + 1) for number in numbers
    ]
    return statistics.median(taken) * 1_000


def _start_together(opened: Runtime, numbers: range) -> None:
    actors = opened.bus.actors
    under_way: deque[list[tuple[type[Account], str]]] = deque()
    for names in _steps(numbers):
        under_way.append([(Account, name) for name in names])
        actors.start_absent(under_way[-1])
        if len(under_way) == 2:
            _wait_until_started(actors, under_way.popleft())
    for several in under_way:
        _wait_until_started(actors, several)


def _wait_until_started(actors: OnDemand, keys: list[tuple[type[Account], str]]) -> None:
    deadline = time.monotonic() + workload.PATIENCE
    for key in keys:
        while (ref := actors.whereis(key)) is None or not ref.has_started:
            ensure(time.monotonic() < deadline, f"{key} does not start")
            time.sleep(0.001)


def _steps(numbers: range) -> Iterator[list[str]]:
    for first in range(0, len(numbers), TOGETHER):
        yield [workload.account(number) for number in numbers[first : first + TOGETHER]]


def _ask_together(opened: Runtime, numbers: range) -> None:
    under_way: deque[list[Any]] = deque()
    for names in _steps(numbers):
        under_way.append(opened.bus.read_many(Account, names))
        if len(under_way) == 2:
            _wait(under_way.popleft())
    for several in under_way:
        _wait(several)


def _wait(asked: list[Any]) -> None:
    for one in asked:
        one.get()


def _ask_each(opened: Runtime, numbers: range) -> None:
    waiting: deque[Any] = deque()
    for number in numbers:
        waiting.append(opened.bus.read(Account, workload.account(number)))
        if len(waiting) == WINDOW:  # half of them, as `send_many` does it
            for _ in range(WINDOW // 2):
                waiting.popleft().get()
    _wait(list(waiting))


def crash_and_send(opened: Runtime, account: str, *, version: int) -> float:
    """Crash an aggregate, send it a command; return the seconds until that was answered."""
    whereis = partial(opened.system.names.whereis, (Account.category, account))
    first = whereis()
    assert first is not None

    def crash_then_send() -> None:
        first.crash(Crash("for the benchmark"))
        outcome = opened.send(workload.deposit_to(account), command_id=f"{account}-{version}")
        ensure(outcome.events[0].version == version, f"{account} lost events")

    taken = seconds(crash_then_send)
    ensure(whereis() is not first, f"{account} did not crash")
    return taken
