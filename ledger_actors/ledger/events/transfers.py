"""Events that say of a whole transfer what the debits and credits beside them say one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from ledger_actors.ledger.entries import EXTERNAL, Entry, Posting, Reason, moved, payment_balance
from ledger_actors.runtime import Event, event


class DrawnSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source of a grant, and how much of it was drawn. One that was not needed is not here."""

    from_type: Literal["asset", "company"]
    from_uuid: str
    amount: Decimal


class GrantedDestination(msgspec.Struct, frozen=True, kw_only=True):
    """A destination of a grant, as it was asked for."""

    to_company_account_uuid: str
    to_company_uuid: str
    amount: Decimal


@event("BalancesGranted", version=1)
class BalancesGranted(Event, frozen=True, kw_only=True):
    """A grant was made. The debits and credits are on the streams of those they belong to."""

    grant_uuid: str
    sources: tuple[DrawnSource, ...]
    destinations: tuple[GrantedDestination, ...]
    text: str = ""


@event("PaymentMade", version=1)
class PaymentMade(Entry, frozen=True, kw_only=True):
    """A payment on a product went out of a balance of this ledger."""

    payment_uuid: str
    product_uuid: str
    from_type: Literal["account", "company"]
    from_uuid: str
    text: str = ""

    def cause(self) -> Reason:
        """It is a payment."""
        return Reason.PAYMENT

    def postings(self) -> tuple[Posting, ...]:
        """What was taken from the payer goes to the world outside."""
        through = payment_balance(self.payment_uuid)
        return moved(self.amount, source=through, destination=EXTERNAL)


ALL: tuple[type[Event], ...] = (
    BalancesGranted,
    PaymentMade,
)
