"""How quickly events are read back: `python -m benchmarks.reading`.

Catching up: each projector of the ledger takes in all events from the first on, beside SQLite
itself, which selects the same columns in order of id and decodes each payload into its struct.
Hydrating: one aggregate is made from all its events, without a snapshot. Rates are events a second
of CPU time, so that what else the machine does counts less: the median of the runs, and their
lowest and highest.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec

from ledger_actors.ledger.aggregates.account import Account
from ledger_actors.ledger.entries import Reason
from ledger_actors.ledger.events.accounts import AccountCredited, AccountOpened
from ledger_actors.ledger.projectors.funding_accounts import FundingAccounts
from ledger_actors.ledger.projectors.trial_balance import TrialBalanceProjector
from ledger_actors.runtime import (
    EVENTS,
    Projector,
    ReadModels,
    ReadState,
    RuntimeOptions,
    Subscriptions,
    System,
    WaitFor,
)
from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite
from supervision import Registry, Timers, spawn

TOUCHED: tuple[type[Projector], ...] = (FundingAccounts, TrialBalanceProjector)
"""The projectors that deposits mean something to."""

BARE = (
    "SELECT id, stream_id, version, type, schema_version, payload, author, correlation_id,"
    " causation_id, command_id, command_index, recorded_at, hash FROM events ORDER BY id"
)


def deposited(events: int, accounts: int) -> Iterator[Append]:
    """Yield appends that open accounts and then pay a cent to one after the other."""
    for number in range(events):
        version, account = divmod(number, accounts)
        name = f"account-{account:08}"
        command_id = f"{number:012x}-0000"
        yield Append(
            (StreamWrite(Account.stream(name), (_happened(name, version),), version),),
            command_id=command_id,
            author="bench",
            correlation_id=command_id,
        )


def _happened(name: str, version: int) -> NewEvent:
    if version == 0:
        return EVENTS.encode(AccountOpened(account_uuid=name, company_uuid="acme", name=name))
    amount = Decimal("0.01")
    return EVENTS.encode(AccountCredited(account_uuid=name, amount=amount, reason=Reason.DEPOSIT))


def fill(path: Path, events: int, accounts: int) -> None:
    """Write a store of so many events."""
    appends = list(deposited(events, accounts))
    with SqliteEventStore(path) as store:
        for start in range(0, events, 4096):
            store.append(appends[start : start + 4096])


@contextmanager
def system(path: Path) -> Iterator[System]:
    """Open a store for reading, with what its consumers need and no journal."""
    names, topics = Registry("names"), Registry("topics", keys="duplicate")
    timers = Timers()
    with SqliteEventStore(path) as store, tempfile.TemporaryDirectory() as models:
        made = System(
            store=store,
            names=names,
            subscriptions=Subscriptions(names, topics),
            timers=timers,
            real_timers=timers,
            read_models=ReadModels(Path(models)),
            options=RuntimeOptions(hydration_delay=0, hydration_delay_entropy=0, snapshot_every=0),
        )
        yield made
        made.read_models.close()


def catch_up(projector: type[Projector], path: Path, events: int) -> float:
    """Return the rate at which a projector takes in the whole store."""
    with system(path) as made:
        began = time.process_time()
        ref = spawn(projector, (made,))
        ref.ask(WaitFor(events))
        taken = time.process_time() - began
        ref.stop()
    return events / taken


def hydrate(path: Path, events: int) -> float:
    """Return the rate at which an aggregate is made from its events."""
    with system(path) as made:
        began = time.process_time()
        ref = spawn(Account, (made, "account-00000000"))
        version = ref.ask(ReadState()).version
        taken = time.process_time() - began
        ref.stop()
    assert version == events, version
    return events / taken


def bare_read(path: Path, events: int) -> float:
    """Return the rate of SQLite itself: the columns in order of id, the payloads as structs."""
    decoders = {
        kind.event_type: msgspec.json.Decoder(kind).decode
        for kind in (AccountOpened, AccountCredited)
    }
    with closing(sqlite3.connect(path)) as connection:
        began = time.process_time()
        for row in connection.execute(BARE):
            decoders[row[3]](row[5])
        return events / (time.process_time() - began)


def report(what: str, ours: list[float], peer: str, theirs: list[float]) -> None:
    """Print one line of the table."""

    def show(rates: list[float]) -> str:
        return f"{statistics.median(rates):>9,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"

    share = statistics.median(ours) / statistics.median(theirs)
    print(f"{what:<32} {show(ours)}  {peer} {show(theirs)}  {share:.2f}")


def in_turns(jobs: list[Callable[[], float]], runs: int) -> list[list[float]]:
    """Run all jobs one after the other, so many times; return each job's rates."""
    rates: list[list[float]] = [[] for _ in jobs]
    for _ in range(runs):
        for found, job in zip(rates, jobs, strict=True):
            found.append(job())
    return rates


def main() -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.reading", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--stream", type=int, default=10_000, help="events of the aggregate")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as name:
        many, one = Path(name) / "many.db", Path(name) / "one.db"
        fill(many, options.events, options.accounts)
        fill(one, options.stream, 1)
        jobs = [lambda: bare_read(many, options.events)]
        jobs += [
            lambda kind=kind: catch_up(kind, many, options.events)  # type: ignore[misc]
            for kind in TOUCHED
        ]
        bare, *ours = in_turns(jobs, options.runs)
        for kind, rates in zip(TOUCHED, ours, strict=True):
            report(f"catching up, {kind.name}", rates, "SQLite", bare)
        rates = in_turns([lambda: hydrate(one, options.stream)], options.runs)[0]
        print(f"{'hydrating one aggregate':<32} {statistics.median(rates):>9,.0f}")


if __name__ == "__main__":
    main()
