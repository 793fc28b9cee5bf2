"""Commands to funding accounts."""

from __future__ import annotations

from typing import Literal

from ledger_actors.ledger.amounts import Amount
from ledger_actors.ledger.checking import LedgerCommand
from ledger_actors.ledger.dates import CalendarDate
from ledger_actors.ledger.identifiers import Identifier, LineText, Name
from ledger_actors.runtime import command


class AccountCommand(LedgerCommand, frozen=True, kw_only=True):
    """What every command to one account names."""

    account_uuid: Identifier


@command("OpenAccount")
class OpenAccount(AccountCommand, frozen=True, kw_only=True):
    """Open a funding account of a registered company. It is active, with a balance of zero."""

    company_uuid: Identifier
    name: Name = "account"


@command("ActivateAccount")
class ActivateAccount(AccountCommand, frozen=True, kw_only=True):
    """Make an inactive account active again."""


@command("DeactivateAccount")
class DeactivateAccount(AccountCommand, frozen=True, kw_only=True):
    """Make an account inactive: it takes no deposits, withdrawals or grants."""


@command("CloseAccount")
class CloseAccount(AccountCommand, frozen=True, kw_only=True):
    """Close an account for good. Its balance must be zero."""


@command("DepositToAccount")
class DepositToAccount(AccountCommand, frozen=True, kw_only=True):
    """Put money from outside on an active account."""

    amount: Amount
    text: LineText = ""


@command("WithdrawFromAccount")
class WithdrawFromAccount(AccountCommand, frozen=True, kw_only=True):
    """Take money out of an active account, no more than it holds."""

    amount: Amount
    text: LineText = ""


@command("CorrectAccount")
class CorrectAccount(AccountCommand, frozen=True, kw_only=True):
    """Correct a mistake with a new entry, in or out; out takes no more than the account holds."""

    direction: Literal["in", "out"]
    amount: Amount
    text: LineText


@command("RecordBankStatementLine")
class RecordBankStatementLine(AccountCommand, frozen=True, kw_only=True):
    """Record a line of the bank's statement. A fact: it may take the account below zero.

    An account keeps no list of the lines it has seen: that would grow for ever. That a line is
    recorded once is for the command's id, and `natural_command_id` is the one to use.
    """

    line_id: Identifier
    direction: Literal["in", "out"]
    amount: Amount
    booked_on: CalendarDate
    text: LineText = ""

    @property
    def natural_command_id(self) -> str:
        """The command id under which this line is recorded once, whoever sends it."""
        return f"statement-line:{self.account_uuid}:{self.line_id}"


# What one aggregate decides alone.
ALL: tuple[type[AccountCommand], ...] = (
    OpenAccount,
    ActivateAccount,
    DeactivateAccount,
    CloseAccount,
    DepositToAccount,
    WithdrawFromAccount,
    CorrectAccount,
    RecordBankStatementLine,
)
