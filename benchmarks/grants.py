"""Grants: two sources, two destinations, one append, guarded by the versions that were read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from types import ModuleType

from benchmarks import peers, targets, workload
from benchmarks.measuring import Figure, Job, Rates, interleaved, rate
from benchmarks.scale import Scale
from ledger_actors import Ledger

UNIT = "grants a second"
PEER = "eventsourcing, four in one save"
CACHED = "eventsourcing with its cache"
ONE, MANY, CONTENDED = (
    "one at a time",
    "64 in flight",
    "64 in flight, all on one source and one pair of accounts",
)
WINDOW = 64
PAIRS = 2 * WINDOW
"""Of accounts, and sources with a large balance: so many that no two under way share one."""


def figures(scale: Scale) -> Iterator[Figure]:
    """Yield grants beside the peer's own save of several aggregates."""
    found = interleaved(scale.repeats, _jobs(scale))
    plain, cached = found.get(PEER), found.get(CACHED)
    yield Figure(MANY, UNIT, found[MANY], PEER, plain, targets.GRANTS)
    yield Figure(MANY, UNIT, found[MANY], CACHED, cached)
    yield Figure(ONE, UNIT, found[ONE], PEER, plain)
    yield Figure(CONTENDED, UNIT, found[CONTENDED], PEER, plain)


def _jobs(scale: Scale) -> Iterator[Job]:
    yield partial(_ours, scale)
    peer = peers.eventsourcing()
    if peer is not None:
        yield partial(_eventsourcing, peer, scale)


def _ours(scale: Scale, place: Path) -> Rates:
    pairs, few = min(PAIRS, scale.accounts // 2), max(2, scale.grants // 4)
    numbers = iter(range(scale.grants + 2 * few))
    many = workload.grants(islice(numbers, scale.grants), pairs=pairs)
    single = workload.grants(islice(numbers, few), pairs=pairs)
    contended = workload.grants(numbers, pairs=1)
    granted = len(many) + len(single) + len(contended)
    with Ledger.open(place, env="test") as ledger:
        workload.send_all(ledger, workload.openings(2 * pairs))
        workload.send_all(ledger, workload.sources(range(pairs), "1000000.00"))
        workload.send_all(ledger, workload.sources(range(granted), "0.01", name="cent"))
        warm = workload.warm_up(ledger, 2 * pairs)
        found = {
            MANY: rate(len(many), workload.send_all, ledger, many, window=WINDOW),
            ONE: rate(len(single), workload.send_one_by_one, ledger, single),
            CONTENDED: rate(len(contended), workload.send_all, ledger, contended, window=WINDOW),
        }
        opened = 1 + 2 * pairs + 2 * (pairs + granted)
        workload.check(ledger, events=opened + warm + 5 * granted)
    return found


def _eventsourcing(peer: ModuleType, scale: Scale, place: Path) -> Rates:
    grants = min(scale.grants, scale.peer_commands)  # fewer, so that its streams stay short
    sizes = {"grants": grants, "accounts": scale.accounts}
    (place / "plain").mkdir()
    (place / "cached").mkdir()
    return {
        PEER: peer.grants(place / "plain", **sizes),
        CACHED: peer.grants(place / "cached", **sizes, cached=True),
    }
