"""Commands to financial products."""

from __future__ import annotations

from typing import Literal

from ledger_actors.ledger.amounts import Amount, Rate
from ledger_actors.ledger.checking import LedgerCommand
from ledger_actors.ledger.dates import CalendarDate
from ledger_actors.ledger.identifiers import Identifier, LineText
from ledger_actors.runtime import command


class ProductCommand(LedgerCommand, frozen=True, kw_only=True):
    """What every command to one financial product names."""

    product_uuid: Identifier


@command("OpenProduct")
class OpenProduct(ProductCommand, frozen=True, kw_only=True):
    """Begin a financial product of a deal that was made: an amount that is owed, due on a date.

    `paying_role` is the role in the deal whose holder pays late fees, on the value of `asset_uuid`.
    """

    deal_uuid: Identifier
    paying_role: Identifier
    amount: Amount
    due_on: CalendarDate
    daily_late_fee_rate: Rate
    asset_uuid: Identifier | None = None


@command("ChangeProductTerms")
class ChangeProductTerms(ProductCommand, frozen=True, kw_only=True):
    """Give a product another due date and daily late-fee rate."""

    due_on: CalendarDate
    daily_late_fee_rate: Rate


@command("PayProduct")
class PayProduct(ProductCommand, frozen=True, kw_only=True):
    """Pay on a product, from outside the ledger; no more than is owed."""

    amount: Amount
    text: LineText = ""


@command("WriteOffProduct")
class WriteOffProduct(ProductCommand, frozen=True, kw_only=True):
    """Give up a part or all of what is owed on a product, saying why."""

    amount: Amount
    text: LineText


@command("MakePayment")
class MakePayment(LedgerCommand, frozen=True, kw_only=True):
    """Pay on a product out of a company's balance or a funding account, no more than is owed."""

    payment_uuid: Identifier
    product_uuid: Identifier
    from_type: Literal["account", "company"]
    from_uuid: Identifier
    amount: Amount
    text: LineText = ""


# What one aggregate decides alone.
ALL: tuple[type[ProductCommand], ...] = (
    OpenProduct,
    ChangeProductTerms,
    PayProduct,
    WriteOffProduct,
)
