"""Companies, each with a balance of its own that grants and payments can draw on."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from ledger_actors.ledger.amounts import ZERO, add, subtract, to_decimal
from ledger_actors.ledger.commands import companies as commands
from ledger_actors.ledger.entries import EXTERNAL, Reason
from ledger_actors.ledger.events import companies as events
from ledger_actors.ledger.rejections import (
    Code,
    Refused,
    ensure_covered,
    ensure_exists,
    ensure_new,
)
from ledger_actors.runtime import Aggregate, Command, Event

NOUN = "company"


class CompanyStatus(StrEnum):
    """Where a company is in its life. `NONE`: it was never registered."""

    NONE = "none"
    ACTIVE = "active"
    INACTIVE = "inactive"


class CompanyState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A company as its events leave it."""

    company_uuid: str = ""
    name: str = ""
    status: CompanyStatus = CompanyStatus.NONE
    balance: Decimal = ZERO

    @property
    def exists(self) -> bool:
        """Whether it was ever registered."""
        return self.status is not CompanyStatus.NONE


def decide(state: CompanyState, command: Command) -> Sequence[Event]:
    """Return the events that a command to this company makes.

    Raises:
        Refused: the company's rules say no; the code and the sentence tell which.
    """
    if isinstance(command, commands.RegisterCompany):
        ensure_new(NOUN, command.company_uuid, exists=state.exists)
        return (events.CompanyRegistered(company_uuid=command.company_uuid, name=command.name),)
    if not isinstance(command, commands.CompanyCommand):
        raise TypeError(command)
    ensure_exists(NOUN, command.company_uuid, exists=state.exists)
    return (_move(state, command) or _change(state, command),)


def evolve(state: CompanyState, event: Event) -> CompanyState:
    """Return the company after an event of its stream."""
    match event:
        case events.CompanyCredited():
            return replace(state, balance=add(state.balance, event.amount))
        case events.CompanyDebited():
            return replace(state, balance=subtract(state.balance, event.amount))
        case events.CompanyRegistered():
            return CompanyState(
                company_uuid=event.company_uuid, name=event.name, status=CompanyStatus.ACTIVE
            )
        case events.CompanyRenamed():
            return replace(state, name=event.name)
        case events.CompanyActivated():
            return replace(state, status=CompanyStatus.ACTIVE)
        case events.CompanyDeactivated():
            return replace(state, status=CompanyStatus.INACTIVE)
        case _:
            raise TypeError(event)


def ensure_active(state: CompanyState) -> None:
    """Refuse where the company is not active.

    Raises:
        Refused: inactive.
    """
    if state.status is not CompanyStatus.ACTIVE:
        raise Refused(Code.INACTIVE, f"{NOUN} {state.company_uuid} is not active")


def debited(
    state: CompanyState, amount: Decimal, *, reason: Reason, counterparty: str, text: str = ""
) -> events.CompanyDebited:
    """Return the event by which a company pays, no more than it holds.

    Raises:
        Refused: insufficient_balance.
    """
    ensure_covered(NOUN, state.company_uuid, balance=state.balance, amount=amount)
    return events.CompanyDebited(
        company_uuid=state.company_uuid,
        amount=amount,
        reason=reason,
        counterparty=counterparty,
        text=text,
    )


def _move(state: CompanyState, command: commands.CompanyCommand) -> Event | None:
    match command:
        case commands.DepositToCompany():
            ensure_active(state)
            return _credit(command, Reason.DEPOSIT)
        case commands.WithdrawFromCompany():
            ensure_active(state)
            return _debit(state, command, Reason.WITHDRAWAL)
        case commands.CorrectCompany(direction="in"):
            return _credit(command, Reason.CORRECTION)
        case commands.CorrectCompany():
            return _debit(state, command, Reason.CORRECTION)
        case _:
            return None


def _credit(command: commands.DepositToCompany | commands.CorrectCompany, reason: Reason) -> Event:
    return events.CompanyCredited(
        company_uuid=command.company_uuid,
        amount=to_decimal(command.amount),
        reason=reason,
        text=command.text,
    )


def _debit(
    state: CompanyState,
    command: commands.WithdrawFromCompany | commands.CorrectCompany,
    reason: Reason,
) -> Event:
    amount = to_decimal(command.amount)
    return debited(state, amount, reason=reason, counterparty=EXTERNAL, text=command.text)


def _change(state: CompanyState, command: commands.CompanyCommand) -> Event:
    uuid = state.company_uuid
    match command:
        case commands.RenameCompany():
            _ensure_changes(state, command.name != state.name, f"named {command.name!r}")
            return events.CompanyRenamed(company_uuid=uuid, name=command.name)
        case commands.ActivateCompany():
            _ensure_changes(state, state.status is not CompanyStatus.ACTIVE, "active")
            return events.CompanyActivated(company_uuid=uuid)
        case commands.DeactivateCompany():
            _ensure_changes(state, state.status is not CompanyStatus.INACTIVE, "inactive")
            return events.CompanyDeactivated(company_uuid=uuid)
        case _:
            raise TypeError(command)


def _ensure_changes(state: CompanyState, changes: bool, already: str) -> None:
    if not changes:
        raise Refused(Code.UNCHANGED, f"{NOUN} {state.company_uuid} is {already} already")


class Company(Aggregate[CompanyState]):
    """The actor of one company; its stream is `company-UUID`."""

    category = "company"
    initial_state = CompanyState()
    commands = dict.fromkeys(commands.ALL, "company_uuid")
    decide = staticmethod(decide)
    evolve = staticmethod(evolve)
