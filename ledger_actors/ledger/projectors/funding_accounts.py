"""Read model: every funding account with its balance."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import structs

from ledger_actors.ledger.aggregates.account import AccountState, AccountStatus, evolve
from ledger_actors.ledger.events import accounts as events
from ledger_actors.runtime import Projector, Recorded, Rows

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["FundingAccount", "FundingAccounts", "funding_account", "funding_accounts"]

PAGE: Final = 10_000

_COLUMNS: Final = "account_uuid, company_uuid, name, status, balance, entries"
_LIST: Final = (
    f"SELECT {_COLUMNS} FROM funding_accounts "
    "WHERE account_uuid > :after AND (:company IS NULL OR company_uuid = :company) "
    "ORDER BY account_uuid LIMIT :limit"
)
_AccountEvent: TypeAlias = (
    events.AccountEvent
    | events.AccountCredited
    | events.AccountDebited
    | events.BankStatementLineRecorded
)
_MOVES: Final = (events.AccountCredited, events.AccountDebited, events.BankStatementLineRecorded)


class FundingAccount(AccountState, frozen=True, kw_only=True):
    """A row: an account as its events leave it, and how many entries it has."""

    entries: int = 0


_NEW: Final = FundingAccount()
_ROWS: Final = Rows("funding_accounts", FundingAccount, key="account_uuid")


class FundingAccounts(Projector):
    """Keeps `funding_accounts`, one row an account. Autonomous: it reads nothing but its events.

    An account's row is made of its stream alone: a parked event keeps no other account waiting.
    """

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
    def project_all(db: Database, recorded: Sequence[Recorded]) -> None:
        """Apply events to their accounts' rows."""
        changed: dict[str, list[_AccountEvent]] = {}
        for one in recorded:
            happened: _AccountEvent = one.event  # type: ignore[assignment]  # by `types`
            changed.setdefault(happened.account_uuid, []).append(happened)
        found = _ROWS.find(db, changed)
        _ROWS.put(db, [_after(found.get(uuid, _NEW), some) for uuid, some in changed.items()])


def _after(before: FundingAccount, happened: Sequence[_AccountEvent]) -> FundingAccount:
    """Return a row as its account's events leave it."""
    state: AccountState = before
    entries = before.entries
    for event in happened:
        state = evolve(state, event)
        entries += isinstance(event, _MOVES)
    if isinstance(state, FundingAccount):
        return structs.replace(state, entries=entries)
    return FundingAccount(**structs.asdict(state), entries=entries)  # it was opened just now


def funding_account(db: Database, account_uuid: str) -> FundingAccount | None:
    """Return one account; None where there is none of this id."""
    return _ROWS.find(db, (account_uuid,)).get(account_uuid)


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
