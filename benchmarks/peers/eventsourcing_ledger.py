"""The same deposits and grants on `eventsourcing`, with its own SQLite recorder on a file.

It sets WAL itself and leaves synchronous at SQLite's default, FULL. *As it comes* it reads an
aggregate's events at each command. *With its cache* it keeps aggregates in memory, neither copied
nor brought up to date: the fastest that it can be set to while one process writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from benchmarks.measuring import ensure, rate, rate_and_cpu

NAME = "eventsourcing"
CACHED = {
    "AGGREGATE_CACHE_MAXSIZE": "1000000",
    "AGGREGATE_CACHE_FASTFORWARD": "n",
    "DEEPCOPY_FROM_AGGREGATE_CACHE": "n",
}
CENT = Decimal("0.01")


class Account(Aggregate):
    @event("Opened")
    def __init__(self, company: str) -> None:
        self.company = company
        self.balance = Decimal(0)

    @event("Credited")
    def credit(self, amount: Decimal, reason: str) -> None:
        self.balance += amount

    @event("Debited")
    def debit(self, amount: Decimal, reason: str) -> None:
        if amount > self.balance:
            raise ValueError(amount)
        self.balance -= amount


class Bank(Application[UUID]):
    def open(self, company: str, count: int) -> list[UUID]:
        accounts = [Account(company) for _ in range(count)]
        self.save(*accounts)
        return [account.id for account in accounts]

    def account(self, account_id: UUID) -> Account:
        found: Account = self.repository.get(account_id)
        return found

    def deposit(self, account_id: UUID, amount: Decimal) -> None:
        account = self.account(account_id)
        account.credit(amount, "deposit")
        self.save(account)

    def grant(self, sources: Sequence[UUID], accounts: Sequence[UUID], amount: Decimal) -> None:
        """Move `amount` from each source to an account: four aggregates in one save."""
        payers = [self.account(one) for one in sources]
        payees = [self.account(one) for one in accounts]
        for payer, payee in zip(payers, payees, strict=True):
            payer.debit(amount, "grant")
            payee.credit(amount, "grant")
        self.save(*payers, *payees)


@contextmanager
def bank(place: Path, *, cached: bool) -> Iterator[Bank]:
    env = {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": str(place / "peer.db"),
        **(CACHED if cached else {}),
    }
    application = Bank(env=env)
    try:
        yield application
    finally:
        application.close()


def deposits(
    place: Path, *, commands: int, accounts: int, cached: bool = False, threads: int = 1
) -> tuple[float, float]:
    """Deposit a cent to one account after the other; return how many a second, and µs of CPU each.

    Each thread has accounts of its own, so that none is refused for another's version.
    """
    with bank(place, cached=cached) as application:
        opened = application.open("bench", accounts)

        def client(own: Sequence[UUID]) -> None:
            for number in range(commands // threads):
                application.deposit(own[number % len(own)], CENT)

        shares = [opened[first::threads] for first in range(threads)]
        with ThreadPoolExecutor(threads) as pool:
            found = rate_and_cpu(commands, lambda: list(pool.map(client, shares)))
        total = sum(application.account(one).balance for one in opened)
        expected = commands // threads * threads * CENT
        ensure(total == expected, f"{NAME} holds {total}, not {expected}")
    return found


def grants(place: Path, *, grants: int, accounts: int, cached: bool = False) -> float:
    """Move money from two sources to two accounts; return how many grants a second."""
    with bank(place, cached=cached) as application:
        sources = application.open("source", accounts)
        opened = application.open("bench", accounts)
        for one in sources:
            application.deposit(one, Decimal(1_000_000))

        def work() -> None:
            for number in range(grants):
                first = 2 * number % accounts
                pair = slice(first, first + 2)
                application.grant(sources[pair], opened[pair], CENT)

        return rate(grants, work)


def hydration(place: Path, *, events: int) -> float:
    """Get one aggregate, without the cache; return how many of its events a second."""
    with bank(place, cached=False) as application:
        account = Account("bench")
        for _ in range(events - 1):
            account.credit(CENT, "deposit")
        application.save(account)
        found = rate(events, application.account, account.id)
        ensure(application.account(account.id).version == events, f"{NAME} lost events")
    return found
