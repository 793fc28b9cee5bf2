"""What the ledger is given to do: accounts, deposits and grants, each command with an id."""

from __future__ import annotations

import secrets
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.measuring import Wrong, ensure
from ledger_actors import Ledger
from ledger_actors.demos.waiting import wait_until_settled
from ledger_actors.ledger import AGGREGATES, HANDLERS, PROCESS_MANAGERS, PROJECTORS
from ledger_actors.ledger.commands.accounts import DepositToAccount, OpenAccount
from ledger_actors.ledger.commands.companies import RegisterCompany
from ledger_actors.logs import configure_logging
from ledger_actors.runtime import Command, Runtime, RuntimeOptions
from ledger_actors.settings import LogSettings
from ledger_actors.store.interface import EventStore

Wire = dict[str, Any]
COMPANY = "bench"
PATIENCE = 3_600.0
"""Seconds for what takes as long as it takes: read models that catch up with millions."""

WARM_SECONDS = 0.7
"""The process that projects takes 0.5 of it to come up, and is there as long as a daemon is."""

OPTIONS = RuntimeOptions(
    hydration_delay=0, hydration_delay_entropy=0, snapshot_every=100, own_process_from=64
)
"""As the daemon has them, without the wait before consumers read."""


@contextmanager
def runtime(place: Path, options: RuntimeOptions = OPTIONS, **parts: Any) -> Iterator[Runtime]:
    """The ledger's tree without its door; `parts` in place of all handlers and consumers."""
    every = {
        "handlers": HANDLERS,
        "projectors": PROJECTORS,
        "process_managers": PROCESS_MANAGERS,
    }
    with Runtime.open(place, aggregates=AGGREGATES, options=options, **(every | parts)) as opened:
        yield opened


@contextmanager
def daemons_logs(place: Path) -> Iterator[None]:
    """Log as the daemon in production does, to a file; in a process's main thread."""
    with (place / "log").open("w") as log:
        restore = configure_logging(LogSettings(level="info", format="json"), stream=log)
        try:
            yield
        finally:
            restore()


def account(number: int) -> str:
    return f"bench-{number}"


def openings(accounts: int) -> Iterator[Wire]:
    """The company and the accounts that deposits go to."""
    yield _wire("RegisterCompany", company_uuid=COMPANY, name="Bench")
    for number in range(accounts):
        yield _wire("OpenAccount", account_uuid=account(number), company_uuid=COMPANY)


def opening_structs(accounts: int) -> Iterator[tuple[Command, str]]:
    """The same as structs, each with its command id."""
    yield RegisterCompany(company_uuid=COMPANY, name="Bench"), new_id()
    for number in range(accounts):
        yield OpenAccount(account_uuid=account(number), company_uuid=COMPANY), new_id()


def sources(numbers: Iterable[int], balance: str, *, name: str = "source") -> Iterator[Wire]:
    """Companies to grant from, each with a balance."""
    for number in numbers:
        company = f"{name}-{number}"
        yield _wire("RegisterCompany", company_uuid=company, name="Source")
        yield _wire("DepositToCompany", company_uuid=company, amount=balance)


def deposits(count: int, accounts: int) -> list[Wire]:
    """A cent each, to one account after the other; made before the clock starts."""
    return [deposit(number, accounts) for number in range(count)]


def deposit(number: int, accounts: int) -> Wire:
    """Return a deposit of a cent to one of so many accounts."""
    return deposit_on(number % accounts)


def deposit_on(number: int) -> Wire:
    """Return a deposit of a cent to the account of that number."""
    return _wire("DepositToAccount", account_uuid=account(number), amount="0.01")


def deposit_structs(count: int, accounts: int) -> list[tuple[Command, str]]:
    """The same as structs, each with its command id."""
    return [(deposit_to(account(number % accounts)), new_id()) for number in range(count)]


def deposit_to(account_uuid: str) -> DepositToAccount:
    """Return a deposit of a cent, as a struct."""
    return DepositToAccount(account_uuid=account_uuid, amount="0.01")


def grants(numbers: Iterable[int], *, pairs: int) -> list[Wire]:
    """Two cents each, from two sources to two accounts of one of so many pairs: five events.

    Sources are drawn down in order, so the first of a grant holds a cent and is its own.
    """
    return [_grant(number, number % pairs) for number in numbers]


def _grant(number: int, pair: int) -> Wire:
    drawn = (f"cent-{number}", f"source-{pair}")
    return _wire(
        "GrantBalances",
        grant_uuid=str(uuid.uuid4()),
        sources=[{"from_type": "company", "from_uuid": one} for one in drawn],
        destinations=[
            {
                "to_company_account_uuid": account(one),
                "to_company_uuid": COMPANY,
                "amount": "0.01",
            }
            for one in (2 * pair, 2 * pair + 1)
        ],
    )


def send_all(ledger: Ledger, commands: Iterable[Wire], *, window: int = 1_024) -> int:
    """Send them in a pipeline, and return how many there were; each must be taken.

    Raises:
        Wrong: one was refused.
    """
    sent = 0
    for answer in ledger.send_many(commands, window=window):
        if isinstance(answer, Exception):
            raise Wrong(f"a command was refused: {answer}")
        sent += 1
    return sent


def send_one_by_one(ledger: Ledger, commands: Iterable[Wire]) -> None:
    """Send each after the answer to the one before."""
    for command in commands:
        ledger.send(command)


def dispatch_all(opened: Runtime, commands: Sequence[tuple[Command, str]], *, window: int) -> None:
    """Dispatch structs, at most a window of them unanswered; each must be taken."""
    waiting: deque[Any] = deque()
    rest = iter(commands)
    more = True
    while more or waiting:
        if more and len(waiting) <= window // 2:
            step = list(islice(rest, window - len(waiting)))
            more = bool(step)
            waiting.extend(opened.dispatch(one, command_id=name) for one, name in step)
        if waiting:
            waiting.popleft().get()


def warm_up(ledger: Ledger, accounts: int) -> int:
    """Deposit for a moment, so that what comes up with the first load is there; return how many."""
    sent, end = 0, time.monotonic() + WARM_SECONDS
    while time.monotonic() < end:
        sent += send_all(ledger, deposits(accounts, accounts))
    settle(ledger)
    return sent


def settle(ledger: Ledger) -> None:
    """Wait until every read model and process manager has handled the last event."""
    wait_until_settled(ledger, timeout=PATIENCE)


def check(ledger: Ledger | EventStore, *, events: int) -> None:
    """Check that the store is clean, and that it has all that was acknowledged.

    Raises:
        Wrong: it is not.
    """
    found = ledger.verify()
    ensure(found.ok, f"verify is not clean: {found.problems[:3]}")
    ensure(found.events == events, f"the store has {found.events} events, not {events}")


def new_id() -> str:
    """Return an id as clients should make them: random, and growing with time (UUID version 7)."""
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds << 80 | secrets.randbits(80)) & ~(0xF << 76) | 7 << 76
    return str(uuid.UUID(int=number & ~(0x3 << 62) | 0x2 << 62))


def _wire(kind: str, **data: Any) -> Wire:
    return {"type": kind, "data": data, "command_id": new_id()}
