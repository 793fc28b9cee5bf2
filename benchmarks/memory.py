"""Memory over time: whether a ledger under load holds more and more of it.

In a process of its own, with the collector as the daemon has it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from benchmarks import targets, workload
from benchmarks.measuring import (
    Figure,
    Sample,
    ensure,
    folder,
    isolated,
    resident_bytes_with_children,
)
from benchmarks.scale import Scale
from ledger_actors import Ledger
from ledger_actors.daemon import collector

WINDOW = 256
LOOKS = 100
_MEGABYTE = 1024 * 1024


def figures(scale: Scale) -> Iterator[Figure]:
    """Yield the memory in the last quarter of the load, beside that in the second."""
    with folder() as place:
        held = isolated(under_load, place, seconds=scale.load_seconds, accounts=scale.accounts)
    ensure(len(held) >= 4, f"the load was looked at {len(held)} times only")
    quarter = len(held) // 4
    yield Figure(
        f"memory in the last quarter of {scale.load_seconds:,} s of load",
        "MB",
        Sample(tuple(held[-quarter:])),
        "in the second quarter",
        Sample(tuple(held[quarter : 2 * quarter])),
        targets.MEMORY,
    )


def under_load(place: Path, *, seconds: int, accounts: int) -> list[float]:
    """Deposit for so long; return the megabytes held, at equal distances of time.

    By this process and by the one that projects; so it is not kept to one processor, which would
    leave that one without.
    """
    held: list[float] = []
    with Ledger.open(place, env="test") as ledger:
        workload.send_all(ledger, workload.openings(accounts))
        collector.settle()
        began = time.monotonic()

        def deposits() -> Iterator[workload.Wire]:
            for number in count():
                passed = time.monotonic() - began
                if len(held) < passed / seconds * LOOKS:
                    held.append(resident_bytes_with_children() / _MEGABYTE)
                if passed > seconds:
                    return
                yield workload.deposit(number, accounts)

        taken = workload.send_all(ledger, deposits(), window=WINDOW)
        workload.check(ledger, events=1 + accounts + taken)
    return held
