"""What the stories about late fees begin with: products of a deal, some of them overdue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

from ledger_actors.ledger_api import Ledger

ASSET_VALUE = "10000.00"
DAILY_RATE = "0.0005"
FEE = "5.00"
"""A day's fee on each product: the asset's value × the daily rate."""


def lend(ledger: Ledger, *, products: int, due_on: date) -> tuple[str, ...]:
    """Set up a lender, a borrower, a deal and its products; return the products' uuids."""
    for company in ("lender", "borrower"):
        ledger.send("RegisterCompany", company_uuid=company, name=company.title())
    ledger.send(
        "RegisterAsset",
        asset_uuid="truck",
        sender_company_uuid="lender",
        receiver_company_uuid="borrower",
        value=ASSET_VALUE,
    )
    parties = [
        {"company_uuid": "lender", "role": "lender"},
        {"company_uuid": "borrower", "role": "borrower"},
    ]
    ledger.send("CreateDeal", deal_uuid="deal", product_line=1, rating_tier="A", parties=parties)
    return tuple(_open_product(ledger, number, due_on) for number in range(1, products + 1))


def _open_product(ledger: Ledger, number: int, due_on: date) -> str:
    uuid = f"instalment-{number:03}"
    ledger.send(
        "OpenProduct",
        product_uuid=uuid,
        deal_uuid="deal",
        paying_role="borrower",
        amount="1000.00",
        due_on=due_on.isoformat(),
        daily_late_fee_rate=DAILY_RATE,
        asset_uuid="truck",
    )
    return uuid


def cycled_dates(ledger: Ledger) -> list[str]:
    """The business dates that were cycled, in the order in which they were."""
    return [event.data["new_date"] for event in ledger.events(types="SystemCycled")]


def fees(ledger: Ledger) -> Counter[tuple[str, str, str]]:
    """How often each (product, date, amount) was charged."""
    return Counter(
        (event.data["product_uuid"], event.data["charged_on"], event.data["amount"])
        for event in ledger.events(types="LateFeeIncurred")
    )


def days_from(first: date, count: int) -> Iterator[date]:
    """So many dates, one after the other."""
    return (first + timedelta(days=days) for days in range(count))
