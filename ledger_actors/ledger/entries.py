"""Double entry: what an event moves, as postings that sum to zero.

Each event that moves money or a claim says between which two balances. A deposit is posted from
`external`, the world outside the ledger, and a withdrawal to it. What takes several events, a grant
or a payment, goes through a balance of its own (`grant:UUID`, `payment:UUID`) that is empty before
and after: so each event sums to zero by itself, and half a transfer would be seen.

What a product's company owes is no money here but a claim; it is posted against `claims`.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from ledger_actors.ledger.amounts import total
from ledger_actors.runtime import Event

__all__ = [
    "CLAIMS",
    "EXTERNAL",
    "Credit",
    "Debit",
    "Entry",
    "Posting",
    "Reason",
    "account_balance",
    "asset_balance",
    "company_balance",
    "grant_balance",
    "kind_of",
    "moved",
    "payment_balance",
    "postings_of",
    "product_balance",
]

EXTERNAL = "external"
CLAIMS = "claims"


def account_balance(uuid: str) -> str:
    """Return the name of a funding account's balance."""
    return f"account:{uuid}"


def asset_balance(uuid: str) -> str:
    """Return the name of an asset's balance."""
    return f"asset:{uuid}"


def company_balance(uuid: str) -> str:
    """Return the name of a company's balance."""
    return f"company:{uuid}"


def product_balance(uuid: str) -> str:
    """Return the name of the claim that a financial product is."""
    return f"product:{uuid}"


def grant_balance(uuid: str) -> str:
    """Return the name of the balance that a grant goes through, empty before and after it."""
    return f"grant:{uuid}"


def payment_balance(uuid: str) -> str:
    """Return the name of the balance that a payment goes through, empty before and after it."""
    return f"payment:{uuid}"


def kind_of(balance: str) -> str:
    """Return the kind of a balance: "account" of "account:UUID", "external" of "external"."""
    return balance.partition(":")[0]


class Reason(StrEnum):
    """Why a balance moved."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    CORRECTION = "correction"
    STATEMENT_LINE = "statement_line"
    GRANT = "grant"
    PAYMENT = "payment"
    PRODUCT = "product"
    LATE_FEE = "late_fee"
    WRITE_OFF = "write_off"


class Posting(msgspec.Struct, frozen=True, gc=False):
    """A signed amount on one balance: `account:UUID`, `external`, `grant:UUID`, ..."""

    balance: str
    amount: Decimal


class Entry(Event, frozen=True, kw_only=True):
    """The root of the events that move money or a claim. `amount` is above zero."""

    amount: Decimal

    def cause(self) -> Reason:
        """Return why it moved."""
        raise NotImplementedError

    def postings(self) -> tuple[Posting, ...]:
        """Return what it moves: postings whose amounts sum to zero."""
        raise NotImplementedError


class Credit(Entry, frozen=True, kw_only=True):
    """The root of the events by which money comes to a balance, from `counterparty`."""

    reason: Reason
    counterparty: str = EXTERNAL
    text: str = ""

    @property
    def owner(self) -> str:
        """The balance to which it comes."""
        raise NotImplementedError

    def cause(self) -> Reason:
        """As it was recorded."""
        return self.reason

    def postings(self) -> tuple[Posting, ...]:
        """From the counterparty to the owner."""
        return moved(self.amount, source=self.counterparty, destination=self.owner)


class Debit(Entry, frozen=True, kw_only=True):
    """The root of the events by which money leaves a balance, to `counterparty`."""

    reason: Reason
    counterparty: str = EXTERNAL
    text: str = ""

    @property
    def owner(self) -> str:
        """The balance that it leaves."""
        raise NotImplementedError

    def cause(self) -> Reason:
        """As it was recorded."""
        return self.reason

    def postings(self) -> tuple[Posting, ...]:
        """From the owner to the counterparty."""
        return moved(self.amount, source=self.owner, destination=self.counterparty)


def moved(amount: Decimal, *, source: str, destination: str) -> tuple[Posting, ...]:
    """Return the two postings that take `amount` from one balance to another."""
    return (Posting(source, amount.copy_negate()), Posting(destination, amount))


def _sum_to_zero(postings: tuple[Posting, ...]) -> bool:
    if len(postings) == 2:  # as a rule, and then a third of the time without a sum
        one, other = postings
        return one.amount == other.amount.copy_negate()
    return not total([posting.amount for posting in postings])


def postings_of(event: object) -> tuple[Posting, ...]:
    """Return the postings of any event: none of one that moves nothing.

    Raises:
        ArithmeticError: they do not sum to zero; the event would make or lose money.
    """
    if not isinstance(event, Entry):
        return ()
    postings = event.postings()
    if not _sum_to_zero(postings):
        msg = f"{type(event).__name__} does not sum to zero: {postings}"
        raise ArithmeticError(msg)
    return postings
