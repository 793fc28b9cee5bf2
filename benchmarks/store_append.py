"""How much of SQLite's own rate the event store keeps: `python benchmarks/store_append.py`.

SQLite itself: one table with the same columns, WAL, synchronous=FULL, nothing computed, rows
prepared beforehand. The store: hash chain, versions, idempotency, its indexes, one event to an
append. Each also beside a thread that computes, as busy aggregates do. Rates are events a second:
the median of the runs, and their lowest and highest.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite

STREAMS = [f"account-{uuid.uuid4()}" for _ in range(1000)]
PAYLOAD = '{"account_id":"123e4567-e89b-12d3-a456-426614174000","amount":"12.34","source":"bank"}'
ROW = ("BalanceCredited", 1, PAYLOAD, "import", None, None)
COLUMNS = (
    "id INTEGER PRIMARY KEY, stream TEXT, version INTEGER, type TEXT, schema_version INTEGER,"
    " payload TEXT, author TEXT, correlation_id TEXT, causation_id TEXT, command_id TEXT,"
    " command_index INTEGER, recorded_at TEXT, hash TEXT"
)


def bare_append(folder: Path, events: int, batch: int) -> float:
    recorded_at, digest = "2026-11-23T12:00:00.000000+00:00", "0" * 64
    rows = [
        (i + 1, STREAMS[i % 1000], i // 1000 + 1, *ROW, str(uuid.uuid4()), 0, recorded_at, digest)
        for i in range(events)
    ]
    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"CREATE TABLE events ({COLUMNS})")
        began = time.perf_counter()
        for start in range(0, events, batch):
            connection.execute("BEGIN")
            connection.executemany(
                "INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", rows[start : start + batch]
            )
            connection.execute("COMMIT")
        return events / (time.perf_counter() - began)


def store_append(folder: Path, events: int, batch: int) -> float:
    appends = [
        Append(
            (StreamWrite(STREAMS[i % 1000], (NewEvent("BalanceCredited", PAYLOAD),), i // 1000),),
            command_id=f"{i:012x}-{uuid.uuid4()}",  # ordered by time, as fresh ids are
            author="import",
        )
        for i in range(events)
    ]
    with SqliteEventStore(folder / "events.db") as store:
        began = time.perf_counter()
        for start in range(0, events, batch):
            store.append(appends[start : start + batch])
        return events / (time.perf_counter() - began)


def bare_read(folder: Path, events: int, batch: int) -> float:
    bare_append(folder, events, 512)
    with closing(sqlite3.connect(folder / "bare.db")) as connection:
        began = time.perf_counter()
        for start in range(0, events, batch):
            rows = connection.execute(
                "SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?", (start, batch)
            ).fetchall()
            for row in rows:
                msgspec.json.decode(row[5])
        return events / (time.perf_counter() - began)


def store_read(folder: Path, events: int, batch: int) -> float:
    store_append(folder, events, 512)
    with SqliteEventStore(folder / "events.db") as store:
        began = time.perf_counter()
        for event in store.read_all(batch_size=batch):
            msgspec.json.decode(event.payload)
        return events / (time.perf_counter() - began)


@contextmanager
def busy_thread(*, wanted: bool) -> Iterator[None]:
    stop = threading.Event()

    def compute() -> None:
        while not stop.is_set():
            sum(range(1000))

    thread = threading.Thread(target=compute)
    if wanted:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        if wanted:
            thread.join()


def measure(
    job: Callable[[Path, int, int], float], events: int, batch: int, *, runs: int, busy: bool
) -> list[float]:
    rates = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder, busy_thread(wanted=busy):
            rates.append(job(Path(folder), events, batch))
    return rates


def report(what: str, ours: list[float], theirs: list[float]) -> None:
    def show(rates: list[float]) -> str:
        return f"{statistics.median(rates):>9,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"

    share = statistics.median(ours) / statistics.median(theirs)
    print(f"{what:<34} store {show(ours)}  SQLite {show(theirs)}  {share:.0%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    events, runs = options.events, options.runs
    table = [
        ("append, 1 a commit", store_append, bare_append, events // 20, 1, False),
        ("append, 64 a commit", store_append, bare_append, events, 64, False),
        ("append, 512 a commit", store_append, bare_append, events, 512, False),
        ("append, 64 a commit, busy thread", store_append, bare_append, 1024, 64, True),
        ("read and decode", store_read, bare_read, events, 512, False),
    ]
    for what, ours, theirs, count, batch, busy in table:
        report(
            what,
            measure(ours, count, batch, runs=runs, busy=busy),
            measure(theirs, count, batch, runs=runs, busy=busy),
        )


if __name__ == "__main__":
    main()
