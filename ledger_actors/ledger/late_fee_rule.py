"""The rule of late fees, pure: what a day late costs, and who pays it.

The fee is the asset's value x the product's daily rate, in cents, a half to the even cent. It is
paid by the company that holds the product's paying role in the deal and is the asset's sender or
receiver; where several are, the first in the deal's order.
"""

from __future__ import annotations

from datetime import date

import msgspec

from ledger_actors.ledger.aggregates.asset import AssetState
from ledger_actors.ledger.aggregates.deal import DealState
from ledger_actors.ledger.aggregates.product import ProductState
from ledger_actors.ledger.amounts import daily_fee, to_decimal
from ledger_actors.ledger.deal_parties import holders_of
from ledger_actors.ledger.events.products import LateFeeIncurred

__all__ = ["NoFee", "costs_nothing", "late_fee", "payer_of"]


class NoFee(msgspec.Struct, frozen=True, kw_only=True):
    """No fee can be charged, and why; the process manager logs it as a warning."""

    product_uuid: str
    why: str


def costs_nothing(product: ProductState) -> bool:
    """Return whether being late on a product is free: that it has no fee is then no mistake."""
    return to_decimal(product.daily_late_fee_rate) == 0


def payer_of(product: ProductState, deal: DealState, asset: AssetState) -> str | None:
    """Return the company that pays a product's late fees; None where no company qualifies."""
    sides = {asset.sender_company_uuid, asset.receiver_company_uuid}
    holders = holders_of(product.paying_role, deal.parties)
    return next((company for company in holders if company in sides), None)


def late_fee(
    product: ProductState, *, asset: AssetState, deal: DealState, charged_on: date
) -> LateFeeIncurred | NoFee:
    """Return the late fee of an overdue product for one date, or why there is none."""
    uuid = product.product_uuid
    if product.asset_uuid is None:
        return NoFee(product_uuid=uuid, why="it has no asset")
    if not asset.exists:
        return NoFee(product_uuid=uuid, why=f"there is no asset {product.asset_uuid}")
    payer = payer_of(product, deal, asset)
    if payer is None:
        why = (
            f"no company of deal {product.deal_uuid} holds the role {product.paying_role} "
            f"and is the sender or receiver of asset {product.asset_uuid}"
        )
        return NoFee(product_uuid=uuid, why=why)
    amount = daily_fee(asset.value, to_decimal(product.daily_late_fee_rate))
    if amount == 0:
        return NoFee(product_uuid=uuid, why="the fee is less than half a cent")
    return LateFeeIncurred(
        product_uuid=uuid,
        amount=amount,
        charged_on=charged_on,
        company_uuid=payer,
        deal_uuid=product.deal_uuid,
        asset_uuid=product.asset_uuid,
        asset_value=asset.value,
        daily_late_fee_rate=product.daily_late_fee_rate,
    )
