"""The late-fee process manager: what each overdue product costs on each business date.

On `SystemCycled` it waits until the read model of products has taken in that very event, asks which
products were overdue at that event, and charges each by the asset's value and the deal's parties as
they were at that event. All fees of a date and its position are one append: whatever crashes, a
product is charged once for a date, or the whole date is still to come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from ledger_actors.ledger.aggregates.asset import Asset, AssetState
from ledger_actors.ledger.aggregates.deal import Deal, DealState
from ledger_actors.ledger.aggregates.product import Product, ProductState
from ledger_actors.ledger.events.products import LateFeeIncurred
from ledger_actors.ledger.events.system import SystemCycled
from ledger_actors.ledger.late_fee_rule import NoFee, costs_nothing, late_fee
from ledger_actors.ledger.projectors.outstanding_products import (
    OutstandingProducts,
    overdue_products,
)
from ledger_actors.runtime import NoSuchStream, ProcessManager, Recorded, StreamEvents

__all__ = ["LateFeeProcessManager", "late_fees"]

AssetAt = Callable[[str], AssetState]
DealAt = Callable[[str], DealState]


def late_fees(
    cycled: SystemCycled, overdue: Sequence[ProductState], *, asset_at: AssetAt, deal_at: DealAt
) -> Iterator[LateFeeIncurred | NoFee]:
    """Yield for each overdue product its fee, or why there is none; pure but for what it is given.

    Where being late is free there is neither.
    `asset_at` and `deal_at` return a state by id, the initial one where there is no such thing.
    """
    for product in overdue:
        if costs_nothing(product):
            continue
        asset = AssetState() if product.asset_uuid is None else asset_at(product.asset_uuid)
        deal = deal_at(product.deal_uuid)
        yield late_fee(product, asset=asset, deal=deal, charged_on=cycled.new_date)


class LateFeeProcessManager(ProcessManager):
    """Charges late fees on each `SystemCycled`.

    They are all on one stream: where a date is parked, because the products were not all there, so
    are those behind it. Retried, it is charged as it would have been, once, and they follow.
    """

    name = "late_fees"
    types = ("SystemCycled",)

    def process(self, event: Recorded) -> Sequence[StreamEvents]:
        """Return one `LateFeeIncurred` on the stream of each product that owes one for the date."""
        cycled = event.event
        assert isinstance(cycled, SystemCycled)
        overdue = self.read_model(
            OutstandingProducts,
            lambda db: overdue_products(db, cycled.new_date, as_of=event.id),
            up_to=event.id,
        )
        asset_at, deal_at = self._assets_at(event.id), self._deals_at(event.id)
        decided = list(late_fees(cycled, overdue, asset_at=asset_at, deal_at=deal_at))
        self._warn(one for one in decided if isinstance(one, NoFee))
        fees = [one for one in decided if isinstance(one, LateFeeIncurred)]
        return [StreamEvents(Product.stream(fee.product_uuid), (fee,)) for fee in fees]

    def _assets_at(self, event_id: int) -> AssetAt:
        @cache
        def asset_at(uuid: str) -> AssetState:
            try:
                state: AssetState = self.state_at(Asset, uuid, event_id)
            except NoSuchStream:
                return AssetState()
            return state

        return asset_at

    def _deals_at(self, event_id: int) -> DealAt:
        @cache
        def deal_at(uuid: str) -> DealState:
            try:
                state: DealState = self.state_at(Deal, uuid, event_id)
            except NoSuchStream:
                return DealState()
            return state

        return deal_at

    def _warn(self, without: Iterator[NoFee]) -> None:
        for one in without:
            self.log.warning("late_fee.not_charged", product=one.product_uuid, why=one.why)
