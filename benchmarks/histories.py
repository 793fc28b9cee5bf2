"""Stores with many events, written by the store's own append, so that the hash chain is whole.

Each event has a command id of its own, as clients should make them: random, growing with time.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path

from benchmarks import workload
from benchmarks.measuring import ensure
from ledger_actors.ledger.aggregates.account import Account
from ledger_actors.ledger.aggregates.company import Company
from ledger_actors.ledger.entries import Reason
from ledger_actors.ledger.events.accounts import AccountCredited, AccountOpened
from ledger_actors.ledger.events.companies import CompanyRegistered
from ledger_actors.runtime import EVENTS, Event
from ledger_actors.store import Append, Appended, SqliteEventStore, StreamWrite

TOGETHER = 1_000
"""Accounts whose events alternate; when they have all theirs, the next thousand is begun."""

_BATCH = 2_000
_CENT = Decimal("0.01")


def write(place: Path, *, events: int, accounts: int) -> None:
    """Write a store of that many events: a company, and accounts with equally many events each."""
    each, more = divmod(events - 1, accounts)
    ensure(each > 0 and more == 0, f"{events - 1} events are not the same for {accounts} accounts")
    appends = (_append(*one) for one in _history(accounts, each))
    with SqliteEventStore(place / "events.db") as store:
        while batch := list(islice(appends, _BATCH)):
            ensure(all(isinstance(one, Appended) for one in store.append(batch)), "an append")
        ensure(store.head() == events, f"the store has {store.head()} events, not {events}")


def _history(accounts: int, each: int) -> Iterator[tuple[str, int, Event]]:
    company = CompanyRegistered(company_uuid=workload.COMPANY, name="Bench")
    yield Company.stream(workload.COMPANY), 0, company
    for first in range(0, accounts, TOGETHER):
        together = range(first, min(first + TOGETHER, accounts))
        yield from chain.from_iterable(_round(together, version) for version in range(each))


def _round(numbers: range, version: int) -> Iterator[tuple[str, int, Event]]:
    for number in numbers:
        uuid_ = workload.account(number)
        yield Account.stream(uuid_), version, _event(uuid_, first=version == 0)


def _event(account: str, *, first: bool) -> Event:
    if first:
        return AccountOpened(account_uuid=account, company_uuid=workload.COMPANY, name="account")
    return AccountCredited(account_uuid=account, amount=_CENT, reason=Reason.DEPOSIT)


def _append(stream: str, version: int, event: Event) -> Append:
    command_id = workload.new_id()
    return Append(
        (StreamWrite(stream, (EVENTS.encode(event),), version),),
        command_id=command_id,
        correlation_id=command_id,
        causation_id=command_id,
    )
