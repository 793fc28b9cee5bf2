"""Deals, financial products and the system's business date: their lives."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ledger_actors.ledger.aggregates.account import Account
from ledger_actors.ledger.aggregates.company import Company
from ledger_actors.ledger.aggregates.deal import Deal, DealStatus
from ledger_actors.ledger.aggregates.product import Product
from ledger_actors.ledger.aggregates.system import System
from ledger_actors.ledger.aggregates.transfer import Payment
from ledger_actors.ledger.commands.accounts import DeactivateAccount, DepositToAccount
from ledger_actors.ledger.commands.companies import DeactivateCompany
from ledger_actors.ledger.commands.deals import ActivateDeal, DeleteDeal, UpdateDeal
from ledger_actors.ledger.commands.products import (
    ChangeProductTerms,
    MakePayment,
    PayProduct,
    WriteOffProduct,
)
from ledger_actors.ledger.commands.system import CycleSystem
from ledger_actors.ledger.deal_parties import Party
from ledger_actors.ledger.rejections import Code, Refused
from tests.ledger_actors.ledger.books import Books, account, books, company, deal, product

DUE = date(2026, 1, 31)


def code(ledger: Books, order: Any) -> str:
    """The code with which a command is refused; nothing may have happened."""
    before = len(ledger.happened)
    with pytest.raises(Refused) as caught:
        ledger.send(order)
    assert len(ledger.happened) == before
    found: str = caught.value.code
    return found


def update() -> UpdateDeal:
    parties = (Party(company_uuid="globex", role="payer"),)
    return UpdateDeal(deal_uuid="deal", product_line=4, rating_tier="B", parties=parties)


def test_a_deal_is_activated_and_has_to_be_again_after_an_update() -> None:
    ledger = books(deal(acme="payer"), [ActivateDeal(deal_uuid="deal")])
    assert code(ledger, ActivateDeal(deal_uuid="deal")) == Code.UNCHANGED
    ledger.send(update())
    state = ledger.state(Deal, "deal")
    assert (state.status, state.product_line, state.rating_tier) == (DealStatus.CREATED, 4, "B")
    assert state.parties == update().parties


def test_a_deleted_deal_is_gone_for_good() -> None:
    ledger = books(deal(acme="payer"), [DeleteDeal(deal_uuid="deal")])
    for order in (update(), ActivateDeal(deal_uuid="deal"), DeleteDeal(deal_uuid="deal")):
        assert code(ledger, order) == Code.CLOSED
    assert code(ledger, deal(acme="payer")[0]) == Code.ALREADY_EXISTS


def test_a_deal_that_was_never_made_takes_nothing() -> None:
    assert code(Books(), update()) == Code.DOES_NOT_EXIST


def test_a_product_is_paid_and_written_off_but_never_more_than_is_owed() -> None:
    ledger = books(product(due_on=DUE), [PayProduct(product_uuid="loan", amount="100")])
    too_much = PayProduct(product_uuid="loan", amount="400.01")
    assert code(ledger, too_much) == Code.EXCEEDS_OUTSTANDING
    ledger.send(WriteOffProduct(product_uuid="loan", amount="150", text="agreed"))
    ledger.send(PayProduct(product_uuid="loan", amount="250"))
    assert ledger.state(Product, "loan").outstanding == 0
    assert code(ledger, PayProduct(product_uuid="loan", amount="0.01")) == Code.NOTHING_OWED
    assert code(ledger, product(due_on=DUE)[0]) == Code.ALREADY_EXISTS


def test_a_products_terms_change() -> None:
    terms = ChangeProductTerms(
        product_uuid="loan", due_on=date(2026, 2, 28), daily_late_fee_rate="0"
    )
    state = books(product(due_on=DUE), [terms]).state(Product, "loan")
    assert (state.due_on, state.daily_late_fee_rate) == (date(2026, 2, 28), "0")
    assert code(Books(), terms) == Code.DOES_NOT_EXIST


def payment(from_type: Any, from_uuid: str, amount: str) -> MakePayment:
    return MakePayment(
        payment_uuid="p",
        product_uuid="loan",
        from_type=from_type,
        from_uuid=from_uuid,
        amount=amount,
    )


def payers() -> Books:
    deposit = DepositToAccount(account_uuid="main", amount="300.00")
    return books(company(balance="200.00"), account(), [deposit], product(due_on=DUE))


@pytest.mark.parametrize(
    ("from_type", "kind", "uuid", "left"),
    [("account", Account, "main", "150.00"), ("company", Company, "acme", "50.00")],
)
def test_a_payment_goes_out_of_a_balance_and_lowers_what_is_owed(
    from_type: str, kind: Any, uuid: str, left: str
) -> None:
    ledger = payers()
    ledger.send(payment(from_type, uuid, "150.00"))
    assert ledger.state(kind, uuid).balance == Decimal(left)
    assert ledger.state(Product, "loan").outstanding == Decimal("350.00")
    assert ledger.state(Payment, "p").amount == Decimal("150.00")
    assert code(ledger, payment(from_type, uuid, "1.00")) == Code.ALREADY_EXISTS


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (payment("company", "acme", "200.01"), Code.INSUFFICIENT_BALANCE),
        (payment("account", "main", "500.01"), Code.EXCEEDS_OUTSTANDING),
        (payment("account", "acme", "1"), Code.DOES_NOT_EXIST),
        (payment("company", "main", "1"), Code.DOES_NOT_EXIST),
    ],
)
def test_a_payment_that_cannot_be_made_changes_nothing(order: MakePayment, expected: Code) -> None:
    assert code(payers(), order) == expected


def test_nobody_inactive_pays() -> None:
    ledger = payers()
    ledger.send(DeactivateAccount(account_uuid="main"))
    ledger.send(DeactivateCompany(company_uuid="acme"))
    assert code(ledger, payment("account", "main", "1")) == Code.INACTIVE
    assert code(ledger, payment("company", "acme", "1")) == Code.INACTIVE


def test_the_business_date_moves_on_by_a_day_at_a_time() -> None:
    ledger = books([CycleSystem(new_date=date(2028, 2, 28))])
    assert code(ledger, CycleSystem(new_date=date(2028, 2, 28))) == Code.ALREADY_CYCLED
    assert code(ledger, CycleSystem(new_date=date(2028, 2, 27))) == Code.ALREADY_CYCLED
    assert code(ledger, CycleSystem(new_date=date(2028, 3, 1))) == Code.DATE_OUT_OF_ORDER
    ledger.send(CycleSystem(new_date=date(2028, 2, 29)))
    ledger.send(CycleSystem(new_date=date(2028, 3, 1)))
    assert ledger.state(System, "main").business_date == date(2028, 3, 1)
