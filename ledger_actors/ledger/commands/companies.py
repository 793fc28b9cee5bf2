"""Commands to companies."""

from __future__ import annotations

from typing import Literal

from ledger_actors.ledger.amounts import Amount
from ledger_actors.ledger.checking import LedgerCommand
from ledger_actors.ledger.identifiers import Identifier, LineText, Name
from ledger_actors.runtime import command


class CompanyCommand(LedgerCommand, frozen=True, kw_only=True):
    """What every command to one company names."""

    company_uuid: Identifier


@command("RegisterCompany")
class RegisterCompany(CompanyCommand, frozen=True, kw_only=True):
    """Register a company. It is active, with a balance of zero."""

    name: Name


@command("RenameCompany")
class RenameCompany(CompanyCommand, frozen=True, kw_only=True):
    """Give a company another name."""

    name: Name


@command("ActivateCompany")
class ActivateCompany(CompanyCommand, frozen=True, kw_only=True):
    """Make an inactive company active again."""


@command("DeactivateCompany")
class DeactivateCompany(CompanyCommand, frozen=True, kw_only=True):
    """Make a company inactive: its balance takes no deposits, withdrawals or payments."""


@command("DepositToCompany")
class DepositToCompany(CompanyCommand, frozen=True, kw_only=True):
    """Put money from outside on the balance of an active company."""

    amount: Amount
    text: LineText = ""


@command("WithdrawFromCompany")
class WithdrawFromCompany(CompanyCommand, frozen=True, kw_only=True):
    """Take money out of an active company's balance, no more than it holds."""

    amount: Amount
    text: LineText = ""


@command("CorrectCompany")
class CorrectCompany(CompanyCommand, frozen=True, kw_only=True):
    """Correct a mistake with a new entry, in or out; out takes no more than the company holds."""

    direction: Literal["in", "out"]
    amount: Amount
    text: LineText


# What one aggregate decides alone.
ALL: tuple[type[CompanyCommand], ...] = (
    RegisterCompany,
    RenameCompany,
    ActivateCompany,
    DeactivateCompany,
    DepositToCompany,
    WithdrawFromCompany,
    CorrectCompany,
)
