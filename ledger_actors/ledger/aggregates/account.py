"""Funding accounts: a company's money, moved by commands and by bank-statement lines.

Commands never take an account below zero. A bank-statement line is a fact that has happened at the
bank: it is recorded as it is, below zero, on an inactive account, and after closing as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from ledger_actors.ledger.aggregates.company import Company
from ledger_actors.ledger.amounts import ZERO, add, subtract, to_decimal
from ledger_actors.ledger.commands import accounts as commands
from ledger_actors.ledger.entries import EXTERNAL, Reason
from ledger_actors.ledger.events import accounts as events
from ledger_actors.ledger.rejections import (
    Code,
    Refused,
    ensure_covered,
    ensure_empty,
    ensure_exists,
    ensure_new,
)
from ledger_actors.runtime import Aggregate, Command, Event, Named

NOUN = "account"


class AccountStatus(StrEnum):
    """Where an account is in its life. `NONE`: it was never opened."""

    NONE = "none"
    ACTIVE = "active"
    INACTIVE = "inactive"
    CLOSED = "closed"


class AccountState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A funding account as its events leave it."""

    account_uuid: str = ""
    company_uuid: str = ""
    name: str = ""
    status: AccountStatus = AccountStatus.NONE
    balance: Decimal = ZERO

    @property
    def exists(self) -> bool:
        """Whether it was ever opened."""
        return self.status is not AccountStatus.NONE


def decide(state: AccountState, command: Command) -> Sequence[Event]:
    """Return the events that a command to this account makes.

    Raises:
        Refused: the account's rules say no; the code and the sentence tell which.
    """
    if isinstance(command, commands.OpenAccount):
        return (_opened(state, command),)
    if not isinstance(command, commands.AccountCommand):
        raise TypeError(command)
    ensure_exists(NOUN, command.account_uuid, exists=state.exists)
    if isinstance(command, commands.RecordBankStatementLine):
        return (_line(command),)
    ensure_not_closed(state)
    return (_move(state, command) or _change_status(state, command),)


def evolve(state: AccountState, event: Event) -> AccountState:
    """Return the account after an event of its stream."""
    match event:
        case events.AccountCredited():
            return replace(state, balance=add(state.balance, event.amount))
        case events.AccountDebited():
            return replace(state, balance=subtract(state.balance, event.amount))
        case events.BankStatementLineRecorded(direction="in"):
            return replace(state, balance=add(state.balance, event.amount))
        case events.BankStatementLineRecorded():
            return replace(state, balance=subtract(state.balance, event.amount))
        case events.AccountOpened():
            return AccountState(
                account_uuid=event.account_uuid,
                company_uuid=event.company_uuid,
                name=event.name,
                status=AccountStatus.ACTIVE,
            )
        case events.AccountActivated():
            return replace(state, status=AccountStatus.ACTIVE)
        case events.AccountDeactivated():
            return replace(state, status=AccountStatus.INACTIVE)
        case events.AccountClosed():
            return replace(state, status=AccountStatus.CLOSED)
        case _:
            raise TypeError(event)


def ensure_active(state: AccountState) -> None:
    """Refuse where the account is not active.

    Raises:
        Refused: inactive, or closed.
    """
    ensure_not_closed(state)
    if state.status is not AccountStatus.ACTIVE:
        raise Refused(Code.INACTIVE, f"{NOUN} {state.account_uuid} is not active")


def ensure_not_closed(state: AccountState) -> None:
    """Refuse where the account is closed.

    Raises:
        Refused: closed.
    """
    if state.status is AccountStatus.CLOSED:
        raise Refused(Code.CLOSED, f"{NOUN} {state.account_uuid} is closed")


def debited(
    state: AccountState, amount: Decimal, *, reason: Reason, counterparty: str, text: str = ""
) -> events.AccountDebited:
    """Return the event by which an account pays, no more than it holds.

    Raises:
        Refused: insufficient_balance.
    """
    ensure_covered(NOUN, state.account_uuid, balance=state.balance, amount=amount)
    return events.AccountDebited(
        account_uuid=state.account_uuid,
        amount=amount,
        reason=reason,
        counterparty=counterparty,
        text=text,
    )


def _opened(state: AccountState, command: commands.OpenAccount) -> Event:
    ensure_new(NOUN, command.account_uuid, exists=state.exists)
    return events.AccountOpened(
        account_uuid=command.account_uuid, company_uuid=command.company_uuid, name=command.name
    )


def _line(command: commands.RecordBankStatementLine) -> Event:
    return events.BankStatementLineRecorded(
        account_uuid=command.account_uuid,
        line_id=command.line_id,
        direction=command.direction,
        amount=to_decimal(command.amount),
        booked_on=command.booked_on,
        text=command.text,
    )


def _move(state: AccountState, command: commands.AccountCommand) -> Event | None:
    match command:
        case commands.DepositToAccount():
            ensure_active(state)
            return _credit(command, Reason.DEPOSIT)
        case commands.WithdrawFromAccount():
            ensure_active(state)
            return _debit(state, command, Reason.WITHDRAWAL)
        case commands.CorrectAccount(direction="in"):
            return _credit(command, Reason.CORRECTION)
        case commands.CorrectAccount():
            return _debit(state, command, Reason.CORRECTION)
        case _:
            return None


def _credit(command: commands.DepositToAccount | commands.CorrectAccount, reason: Reason) -> Event:
    return events.AccountCredited(
        account_uuid=command.account_uuid,
        amount=to_decimal(command.amount),
        reason=reason,
        text=command.text,
    )


def _debit(
    state: AccountState,
    command: commands.WithdrawFromAccount | commands.CorrectAccount,
    reason: Reason,
) -> Event:
    amount = to_decimal(command.amount)
    return debited(state, amount, reason=reason, counterparty=EXTERNAL, text=command.text)


def _change_status(state: AccountState, command: commands.AccountCommand) -> Event:
    uuid = state.account_uuid
    match command:
        case commands.ActivateAccount():
            _ensure_changes(state, AccountStatus.ACTIVE)
            return events.AccountActivated(account_uuid=uuid)
        case commands.DeactivateAccount():
            _ensure_changes(state, AccountStatus.INACTIVE)
            return events.AccountDeactivated(account_uuid=uuid)
        case commands.CloseAccount():
            ensure_empty(NOUN, uuid, balance=state.balance)
            return events.AccountClosed(account_uuid=uuid)
        case _:
            raise TypeError(command)


def _ensure_changes(state: AccountState, status: AccountStatus) -> None:
    if state.status is status:
        raise Refused(Code.UNCHANGED, f"{NOUN} {state.account_uuid} is {status} already")


def named(command: commands.OpenAccount) -> Sequence[Named]:
    """Return what has to be there before an account is opened: its company."""
    return ((Company, command.company_uuid),)


class Account(Aggregate[AccountState]):
    """The actor of one funding account; its stream is `account-UUID`."""

    category = "account"
    initial_state = AccountState()
    names = MappingProxyType({commands.OpenAccount: named})
    commands = dict.fromkeys(commands.ALL, "account_uuid")
    decide = staticmethod(decide)
    evolve = staticmethod(evolve)
