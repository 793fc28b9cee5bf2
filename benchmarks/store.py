"""The event store alone, beside SQLite: what the chain, versions, ids and indexes cost.

The store writes one event to an append, so many appends to a commit; each has a command id.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import workload
from benchmarks.measuring import Figure, Rates, interleaved, rate
from benchmarks.peers import sqlite
from benchmarks.scale import Scale
from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite

UNIT = "events a second"
BATCHES = (1, 64, 512)
_PAYLOAD = '{"account_uuid":"bench-1","amount":"0.01","reason":"deposit","text":""}'


def figures(scale: Scale) -> Iterator[Figure]:
    """Yield appends by the size of the commit."""
    jobs = [
        partial(job, scale, batch)
        for batch in BATCHES
        for job in (_ours, partial(_sqlite, indexed=False), partial(_sqlite, indexed=True))
    ]
    found = interleaved(scale.repeats, jobs)
    for batch in BATCHES:
        what = f"append, {batch} a commit"
        for peer in (sqlite.PLAIN, sqlite.INDEXED):
            yield Figure(what, UNIT, found[what], peer, found[f"{peer}, {batch}"])


def _events(scale: Scale, batch: int) -> int:
    return max(batch, scale.rows // 100 if batch == 1 else scale.rows // 4)


def _sqlite(scale: Scale, batch: int, place: Path, *, indexed: bool) -> Rates:
    name = sqlite.INDEXED if indexed else sqlite.PLAIN
    found = sqlite.appends(
        place,
        events=_events(scale, batch),
        streams=scale.accounts,
        batch=batch,
        indexed=indexed,
    )
    return {f"{name}, {batch}": found}


def _ours(scale: Scale, batch: int, place: Path) -> Rates:
    events = _events(scale, batch)
    appends = [_append(number, scale.accounts) for number in range(events)]
    with SqliteEventStore(place / "events.db") as store:

        def write() -> None:
            for start in range(0, events, batch):
                store.append(appends[start : start + batch])

        found = rate(events, write)
        workload.check(store, events=events)
    return {f"append, {batch} a commit": found}


def _append(number: int, streams: int) -> Append:
    stream, version = f"account-{workload.account(number % streams)}", number // streams
    new = NewEvent("AccountCredited", _PAYLOAD)
    return Append((StreamWrite(stream, (new,), version),), command_id=str(uuid.uuid4()))
