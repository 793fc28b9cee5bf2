"""Events of financial products: what they move is a claim, against `claims`, and no money."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from ledger_actors.ledger.entries import CLAIMS, Entry, Posting, Reason, moved, product_balance
from ledger_actors.runtime import Event, event


class ClaimRaised(Entry, frozen=True, kw_only=True):
    """The root of the events by which more is owed on a product."""

    product_uuid: str

    def postings(self) -> tuple[Posting, ...]:
        """From `claims` to the product."""
        owner = product_balance(self.product_uuid)
        return moved(self.amount, source=CLAIMS, destination=owner)


class ClaimLowered(Entry, frozen=True, kw_only=True):
    """The root of the events by which less is owed on a product."""

    product_uuid: str

    def postings(self) -> tuple[Posting, ...]:
        """From the product to `claims`."""
        owner = product_balance(self.product_uuid)
        return moved(self.amount, source=owner, destination=CLAIMS)


@event("ProductOpened", version=1)
class ProductOpened(ClaimRaised, frozen=True, kw_only=True):
    """A financial product began: `amount` is owed, due on a date."""

    deal_uuid: str
    asset_uuid: str | None
    paying_role: str
    due_on: date
    daily_late_fee_rate: str

    def cause(self) -> Reason:
        """It was opened."""
        return Reason.PRODUCT


@event("ProductTermsChanged", version=1)
class ProductTermsChanged(Event, frozen=True, kw_only=True):
    """A product has another due date and daily late-fee rate."""

    product_uuid: str
    due_on: date
    daily_late_fee_rate: str


@event("ProductPaid", version=1)
class ProductPaid(ClaimLowered, frozen=True, kw_only=True):
    """A part or all of what is owed was paid. `payment_uuid`: out of a balance of this ledger."""

    payment_uuid: str | None = None
    text: str = ""

    def cause(self) -> Reason:
        """It was paid."""
        return Reason.PAYMENT


@event("ProductWrittenOff", version=1)
class ProductWrittenOff(ClaimLowered, frozen=True, kw_only=True):
    """A part or all of what is owed will not be asked for."""

    text: str

    def cause(self) -> Reason:
        """It was given up."""
        return Reason.WRITE_OFF


@event("LateFeeIncurred", version=1)
class LateFeeIncurred(ClaimRaised, frozen=True, kw_only=True):
    """A company owes a late fee for a date: the asset's value then x the daily rate, in cents."""

    charged_on: date
    company_uuid: str
    deal_uuid: str
    asset_uuid: str
    asset_value: Decimal
    daily_late_fee_rate: str

    def cause(self) -> Reason:
        """It was overdue."""
        return Reason.LATE_FEE


ALL: tuple[type[Event], ...] = (
    ProductOpened,
    ProductTermsChanged,
    ProductPaid,
    ProductWrittenOff,
    LateFeeIncurred,
)
