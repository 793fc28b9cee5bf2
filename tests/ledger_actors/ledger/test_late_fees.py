"""Late fees of a date: each overdue product once, at the asset's value as it was at that event."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ledger_actors.ledger.aggregates.asset import Asset
from ledger_actors.ledger.aggregates.deal import Deal
from ledger_actors.ledger.aggregates.product import Product
from ledger_actors.ledger.commands.assets import RevalueAsset
from ledger_actors.ledger.commands.deals import UpdateDeal
from ledger_actors.ledger.commands.products import PayProduct
from ledger_actors.ledger.commands.system import CycleSystem
from ledger_actors.ledger.deal_parties import Party
from ledger_actors.ledger.events.products import LateFeeIncurred
from ledger_actors.ledger.events.system import SystemCycled
from ledger_actors.ledger.late_fee_rule import NoFee
from ledger_actors.ledger.process_managers.late_fees import late_fees
from ledger_actors.ledger.projectors.outstanding_products import (
    OutstandingProducts,
    overdue_products,
)
from tests.ledger_actors.ledger.books import Books, asset, books, deal, product

DUE = date(2026, 1, 31)


def late() -> Books:
    """Two products that are overdue on February 1, and one that is due on March 1."""
    return books(
        asset(value="1000.00"),
        deal(sender="payer"),
        product("first", due_on=DUE),
        product("second", due_on=DUE),
        product("later", due_on=date(2026, 3, 1)),
    )


def cycle(ledger: Books, day: date) -> int:
    """Cycle a date and return the event's id."""
    ledger.send(CycleSystem(new_date=day))
    return len(ledger.happened)


def fees_of(ledger: Books, event_id: int) -> list[LateFeeIncurred | NoFee]:
    """What the process manager decides on an event, whenever it comes to it."""
    cycled = ledger.happened[event_id - 1].event
    assert isinstance(cycled, SystemCycled)
    db = ledger.projected(OutstandingProducts)
    overdue = overdue_products(db, cycled.new_date, as_of=event_id)
    return list(
        late_fees(
            cycled,
            overdue,
            asset_at=lambda uuid: ledger.state_at(Asset, uuid, event_id),
            deal_at=lambda uuid: ledger.state_at(Deal, uuid, event_id),
        )
    )


def charge(ledger: Books, event_id: int) -> None:
    for fee in fees_of(ledger, event_id):
        assert isinstance(fee, LateFeeIncurred)
        ledger.record(Product.stream(fee.product_uuid), fee)


def test_each_overdue_product_gets_one_fee() -> None:
    ledger = late()
    fees = fees_of(ledger, cycle(ledger, date(2026, 2, 1)))
    told = [(fee.product_uuid, str(fee.amount)) for fee in fees if isinstance(fee, LateFeeIncurred)]
    assert told == [("first", "1.00"), ("second", "1.00")]


def test_what_happens_after_the_event_changes_nothing() -> None:
    """The process manager may be late: it decides on what was so at the event."""
    ledger = late()
    event_id = cycle(ledger, date(2026, 2, 1))
    at_once = fees_of(ledger, event_id)
    parties = (Party(company_uuid="bank", role="payer"),)
    for order in (
        RevalueAsset(asset_uuid="ship", value="5.00"),
        PayProduct(product_uuid="first", amount="500.00"),
        UpdateDeal(deal_uuid="deal", product_line=1, rating_tier="A", parties=parties),
    ):
        ledger.send(order)
    assert fees_of(ledger, event_id) == at_once


def test_a_revalued_asset_counts_from_the_next_date() -> None:
    ledger = late()
    charge(ledger, cycle(ledger, date(2026, 2, 1)))
    ledger.send(RevalueAsset(asset_uuid="ship", value="2000.00"))
    charge(ledger, cycle(ledger, date(2026, 2, 2)))
    state = ledger.state(Product, "first")
    assert (state.late_fees, state.outstanding) == (Decimal("3.00"), Decimal("503.00"))


def test_missed_dates_are_charged_one_by_one() -> None:
    """Five dates cycled before any was charged: each has its own fees, whatever the order."""
    ledger = late()
    event_ids = [cycle(ledger, date(2026, 2, day)) for day in range(1, 6)]
    for event_id in event_ids:
        charge(ledger, event_id)
    assert ledger.state(Product, "second").late_fees == Decimal("5.00")
    assert ledger.state(Product, "later").late_fees == 0


def test_a_product_that_is_paid_is_charged_no_more() -> None:
    ledger = late()
    charge(ledger, cycle(ledger, date(2026, 2, 1)))
    ledger.send(PayProduct(product_uuid="first", amount="501.00"))
    fees = fees_of(ledger, cycle(ledger, date(2026, 2, 2)))
    assert [fee.product_uuid for fee in fees] == ["second"]


@pytest.mark.parametrize(
    ("due_on", "paid", "overdue"),
    [
        (date(2026, 1, 31), "499.99", True),
        (date(2026, 1, 31), "500.00", False),
        (date(2026, 2, 1), None, False),
        (date(2026, 2, 2), None, False),
    ],
)
def test_a_product_is_overdue_after_its_due_date_while_something_is_owed(
    due_on: date, paid: str | None, overdue: bool
) -> None:
    ledger = books(asset(), deal(sender="payer"), product("loan", due_on=due_on))
    if paid:
        ledger.send(PayProduct(product_uuid="loan", amount=paid))
    assert bool(fees_of(ledger, cycle(ledger, date(2026, 2, 1)))) is overdue


def test_where_being_late_is_free_there_is_no_fee_and_nothing_to_warn_of() -> None:
    ledger = late()
    ledger.send(product("free", due_on=DUE, rate="0.000")[0])
    fees = fees_of(ledger, cycle(ledger, date(2026, 2, 1)))
    assert [fee.product_uuid for fee in fees] == ["first", "second"]


@pytest.mark.parametrize("asset_uuid", [None, "gone"])
def test_a_product_without_an_asset_does_not_hold_up_the_others(asset_uuid: str | None) -> None:
    ledger = late()
    ledger.send(product("bare", asset_uuid=asset_uuid, due_on=DUE)[0])
    fees = fees_of(ledger, cycle(ledger, date(2026, 2, 1)))
    assert [type(fee) for fee in fees] == [NoFee, LateFeeIncurred, LateFeeIncurred]
