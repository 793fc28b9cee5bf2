"""Events of funding accounts."""

from __future__ import annotations

from datetime import date
from typing import Literal

from ledger_actors.ledger.entries import (
    EXTERNAL,
    Credit,
    Debit,
    Entry,
    Posting,
    Reason,
    account_balance,
    moved,
)
from ledger_actors.runtime import Event, event


class AccountEvent(Event, frozen=True, kw_only=True):
    """What every event of one account names."""

    account_uuid: str


@event("AccountOpened", version=1)
class AccountOpened(AccountEvent, frozen=True, kw_only=True):
    """A funding account of a company was opened, active."""

    company_uuid: str
    name: str


@event("AccountActivated", version=1)
class AccountActivated(AccountEvent, frozen=True, kw_only=True):
    """An inactive account is active again."""


@event("AccountDeactivated", version=1)
class AccountDeactivated(AccountEvent, frozen=True, kw_only=True):
    """An account is inactive."""


@event("AccountClosed", version=1)
class AccountClosed(AccountEvent, frozen=True, kw_only=True):
    """An account is closed for good."""


@event("AccountCredited", version=1)
class AccountCredited(Credit, frozen=True, kw_only=True):
    """Money came to an account, from `counterparty`."""

    account_uuid: str

    @property
    def owner(self) -> str:
        """The account's balance."""
        return account_balance(self.account_uuid)


@event("AccountDebited", version=1)
class AccountDebited(Debit, frozen=True, kw_only=True):
    """Money left an account, to `counterparty`."""

    account_uuid: str

    @property
    def owner(self) -> str:
        """The account's balance."""
        return account_balance(self.account_uuid)


@event("BankStatementLineRecorded", version=1)
class BankStatementLineRecorded(Entry, frozen=True, kw_only=True):
    """The bank booked a line on an account."""

    account_uuid: str
    line_id: str
    direction: Literal["in", "out"]
    booked_on: date
    text: str = ""

    def cause(self) -> Reason:
        """It stood on a bank statement."""
        return Reason.STATEMENT_LINE

    def postings(self) -> tuple[Posting, ...]:
        """Between the account and the world outside."""
        owner = account_balance(self.account_uuid)
        if self.direction == "in":
            return moved(self.amount, source=EXTERNAL, destination=owner)
        return moved(self.amount, source=owner, destination=EXTERNAL)


ALL: tuple[type[Event], ...] = (
    AccountOpened,
    AccountActivated,
    AccountDeactivated,
    AccountClosed,
    AccountCredited,
    AccountDebited,
    BankStatementLineRecorded,
)
