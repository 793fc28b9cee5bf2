"""Hydration: one aggregate read again from all its events, and from a snapshot after a crash."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import histories, peers, targets, workload
from benchmarks.actors import crash_and_send
from benchmarks.measuring import Figure, Job, Rates, ensure, interleaved, isolated, rate
from benchmarks.scale import Scale
from ledger_actors.ledger.aggregates.account import Account
from ledger_actors.runtime import Runtime, RuntimeOptions

PEER = "eventsourcing, without its cache"
CRASHES = 20
TIMES = 5
"""Each reads its events from the disk, and takes a twentieth of a second where they are few."""
ACCOUNT = workload.account(0)
FROM_EVENTS = RuntimeOptions(snapshot_every=0, command_timeout=workload.PATIENCE)
FROM_SNAPSHOT = RuntimeOptions(snapshot_every=100, command_timeout=workload.PATIENCE)


def figures(scale: Scale) -> Iterator[Figure]:
    """Yield hydration beside the peer's, and a crash with a snapshot at hand."""
    found = interleaved(scale.repeats, _jobs(scale))
    what = f"one aggregate of {scale.hydrated:,} events, from its events"
    yield Figure(what, "events a second", found["events"], PEER, found.get(PEER), targets.HYDRATION)
    yield Figure(
        f"one of {scale.snapshotted:,} events crashes, its next command is answered",
        "ms",
        found["crash"],
        target=targets.SNAPSHOT,
    )


def _jobs(scale: Scale) -> Iterator[Job]:
    yield partial(_from_events, scale)
    peer = peers.eventsourcing()
    if peer is not None:
        yield lambda place: {PEER: peer.hydration(place, events=scale.hydrated)}
    yield lambda place: isolated(from_snapshot, place, events=scale.snapshotted)


def _from_events(scale: Scale, place: Path) -> Rates:
    histories.write(place, events=scale.hydrated + 1, accounts=1)
    with workload.runtime(place, FROM_EVENTS, projectors=(), process_managers=()) as opened:
        found = statistics.median(_hydrate(opened, scale.hydrated) for _ in range(TIMES))
        cents = opened.state(Account, ACCOUNT).balance * 100
        ensure(cents == scale.hydrated - 1, f"hydration led to {cents} cents")
    return {"events": found}


def _hydrate(opened: Runtime, events: int) -> float:
    """Start the aggregate, end it again; return how many of its events were read in a second."""
    found = rate(events, opened.state, Account, ACCOUNT)
    ref = opened.system.names.whereis((Account.category, ACCOUNT))
    assert ref is not None
    ref.stop()
    return found


def from_snapshot(place: Path, *, events: int) -> Rates:
    """Crash an aggregate that has a snapshot; return the milliseconds to its next answer."""
    histories.write(place, events=events + 1, accounts=1)
    with (
        workload.daemons_logs(place),
        workload.runtime(place, FROM_SNAPSHOT, projectors=(), process_managers=()) as opened,
    ):
        opened.send(workload.deposit_to(ACCOUNT))
        opened.state(Account, ACCOUNT)  # behind the snapshot, which is taken after the answer
        taken = [
            crash_and_send(opened, ACCOUNT, version=events + 2 + number)
            for number in range(CRASHES)
        ]
        workload.check(opened.system.store, events=events + 2 + CRASHES)
    return {"crash": statistics.median(taken) * 1_000}
