"""Read model: every funding account with its balance."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ledger_actors.ledger.aggregates.account import AccountState, AccountStatus, evolve
from ledger_actors.ledger.events import accounts as events
from ledger_actors.runtime import Projector, Recorded

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["FundingAccount", "FundingAccounts", "funding_account", "funding_accounts"]

PAGE: Final = 10_000

_COLUMNS: Final = "account_uuid, company_uuid, name, status, balance, entries"
_LOAD: Final = f"SELECT {_COLUMNS} FROM funding_accounts WHERE account_uuid = ?"
_PUT: Final = f"INSERT OR REPLACE INTO funding_accounts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
_LIST: Final = (
    f"SELECT {_COLUMNS} FROM funding_accounts "
    "WHERE account_uuid > :after AND (:company IS NULL OR company_uuid = :company) "
    "ORDER BY account_uuid LIMIT :limit"
)
_MOVES: Final = (events.AccountCredited, events.AccountDebited, events.BankStatementLineRecorded)


class FundingAccount(AccountState, frozen=True, kw_only=True):
    """A row: an account as its events leave it, and how many entries it has."""

    entries: int = 0


class FundingAccounts(Projector):
    """Keeps `funding_accounts`, one row an account. Autonomous: it reads nothing but its events."""

    name = "funding_accounts"
    version = 1
    types = (
        "AccountOpened",
        "AccountActivated",
        "AccountDeactivated",
        "AccountClosed",
        "AccountCredited",
        "AccountDebited",
        "BankStatementLineRecorded",
    )

    @staticmethod
    def create(db: Database) -> None:
        """Make the table."""
        text = dict.fromkeys(("account_uuid", "company_uuid", "name", "status", "balance"), str)
        table = db.table("funding_accounts")
        table.create({**text, "entries": int}, pk="account_uuid", not_null={*text, "entries"})
        table.create_index(["company_uuid"])

    @staticmethod
    def project(db: Database, event: Recorded) -> None:
        """Apply one event to its account's row."""
        happened = event.event
        assert isinstance(happened, (events.AccountEvent, *_MOVES))
        found = funding_account(db, happened.account_uuid)
        state = evolve(found or FundingAccount(), happened)
        entries = (found.entries if found else 0) + isinstance(happened, _MOVES)
        row = (state.account_uuid, state.company_uuid, state.name, state.status.value)
        db.execute(_PUT, (*row, format(state.balance, "f"), entries))


def funding_account(db: Database, account_uuid: str) -> FundingAccount | None:
    """Return one account; None where there is none of this id."""
    row = db.execute(_LOAD, (account_uuid,)).fetchone()
    return None if row is None else _read(row)


def funding_accounts(
    db: Database, *, company_uuid: str | None = None, after: str = "", limit: int = PAGE
) -> Sequence[FundingAccount]:
    """Return accounts in order of id, those of one company or all, beginning behind `after`."""
    wanted = {"after": after, "company": company_uuid, "limit": limit}
    return tuple(_read(row) for row in db.execute(_LIST, wanted).fetchall())


def _read(row: Sequence[Any]) -> FundingAccount:
    account_uuid, company_uuid, name, status, balance, entries = row
    return FundingAccount(
        account_uuid=account_uuid,
        company_uuid=company_uuid,
        name=name,
        status=AccountStatus(status),
        balance=Decimal(balance),
        entries=entries,
    )
