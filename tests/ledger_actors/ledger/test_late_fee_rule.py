"""The rule of late fees: how much, by whom, and when there is none."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ledger_actors.ledger.aggregates.asset import AssetState, AssetStatus
from ledger_actors.ledger.aggregates.deal import DealState, DealStatus
from ledger_actors.ledger.aggregates.product import ProductState
from ledger_actors.ledger.deal_parties import Party
from ledger_actors.ledger.events.products import LateFeeIncurred
from ledger_actors.ledger.late_fee_rule import NoFee, late_fee

DAY = date(2026, 2, 1)


def owed(
    outstanding: str = "500.00",
    *,
    due_on: date | None = date(2026, 1, 31),
    asset_uuid: str | None = "ship",
    rate: str = "0.0001",
) -> ProductState:
    return ProductState(
        product_uuid="loan",
        deal_uuid="deal",
        asset_uuid=asset_uuid,
        paying_role="payer",
        due_on=due_on,
        daily_late_fee_rate=rate,
        outstanding=Decimal(outstanding),
    )


def ship(value: str = "250.00", status: AssetStatus = AssetStatus.ACTIVE) -> AssetState:
    return AssetState(
        asset_uuid="ship",
        sender_company_uuid="sender",
        receiver_company_uuid="receiver",
        status=status,
        value=Decimal(value),
    )


def between(*parties: tuple[str, str]) -> DealState:
    made = tuple(Party(company_uuid=company, role=role) for company, role in parties)
    return DealState(deal_uuid="deal", status=DealStatus.ACTIVE, parties=made)


@pytest.mark.parametrize(
    ("value", "rate", "amount"),
    [
        ("250.00", "0.0001", "0.02"),
        ("350.00", "0.0001", "0.04"),
        ("1000.00", "0.01", "10.00"),
        ("0.01", "1", "0.01"),
    ],
)
def test_the_fee_is_the_assets_value_times_the_rate(value: str, rate: str, amount: str) -> None:
    deal = between(("sender", "payer"))
    fee = late_fee(owed(rate=rate), asset=ship(value), deal=deal, charged_on=DAY)
    assert isinstance(fee, LateFeeIncurred)
    assert (str(fee.amount), fee.asset_value, fee.charged_on) == (amount, Decimal(value), DAY)


@pytest.mark.parametrize(
    ("parties", "payer"),
    [
        ([("sender", "payer")], "sender"),
        ([("receiver", "payer"), ("sender", "payee")], "receiver"),
        ([("bank", "payer"), ("receiver", "payer")], "receiver"),
        ([("receiver", "payer"), ("sender", "payer")], "receiver"),
    ],
)
def test_the_payer_holds_the_role_and_is_the_assets_sender_or_receiver(
    parties: list[tuple[str, str]], payer: str
) -> None:
    fee = late_fee(owed(), asset=ship(), deal=between(*parties), charged_on=DAY)
    assert isinstance(fee, LateFeeIncurred)
    assert fee.company_uuid == payer


@pytest.mark.parametrize(
    ("product", "asset", "deal", "why"),
    [
        (owed(asset_uuid=None), ship(), between(("sender", "payer")), "it has no asset"),
        (owed(), AssetState(), between(("sender", "payer")), "there is no asset ship"),
        (owed(), ship(), between(("bank", "payer")), "holds the role payer"),
        (owed(), ship(), between(("sender", "payee")), "holds the role payer"),
        (owed(), ship(), DealState(), "holds the role payer"),
        (owed(), ship("0"), between(("sender", "payer")), "less than half a cent"),
        (owed(rate="0.000001"), ship(), between(("sender", "payer")), "less than half a cent"),
    ],
)
def test_without_an_asset_or_a_payer_there_is_no_fee_and_a_reason(
    product: ProductState, asset: AssetState, deal: DealState, why: str
) -> None:
    fee = late_fee(product, asset=asset, deal=deal, charged_on=DAY)
    assert isinstance(fee, NoFee)
    assert why in fee.why


def test_a_retired_asset_still_has_the_value_that_it_last_had() -> None:
    fee = late_fee(
        owed(),
        asset=ship(status=AssetStatus.RETIRED),
        deal=between(("sender", "payer")),
        charged_on=DAY,
    )
    assert isinstance(fee, LateFeeIncurred)
