"""Late fees, worked out from the events by hand: each product, each date, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from tests.torture.evidence import Event, Evidence

CENT = Decimal("0.01")
Fee = tuple[str, str, Decimal]
"""A product, a date, and what it costs there."""


def is_charged_under(command_id: str) -> bool:
    """Whether a command id is one that the process manager of late fees appends under."""
    return command_id.startswith("late_fees:")


def dates_have_no_gap(evidence: Evidence) -> Iterator[str]:
    """Business dates follow each other, each once."""
    last: date | None = None
    for event in evidence.events:
        if event.type == "SystemCycled":
            new_date = date.fromisoformat(event.data["new_date"])
            if last is not None and new_date != last + timedelta(days=1):
                yield f"event {event.id} cycles {new_date} after {last}"
            last = new_date


def dates_are_taken(evidence: Evidence) -> Iterator[str]:
    """No date was refused: one client sends them in order, the next when the last is answered."""
    for command_id in evidence.refused:
        if evidence.intents[command_id].type == "CycleSystem":
            yield f"{command_id} was refused, and is the next date"


def are_charged_once(evidence: Evidence) -> Iterator[str]:
    """Each product that is overdue when a date is cycled is charged for it, once and rightly."""
    due = _due(evidence)
    charged: Counter[Fee] = Counter(
        (data["product_uuid"], data["charged_on"], Decimal(data["amount"]))
        for event in evidence.events
        if event.type == "LateFeeIncurred" and (data := event.data)
    )
    for fee, times in charged.items():
        if fee not in due:
            yield f"{_told(fee)} was charged, and is not due"
        elif times > 1:
            yield f"{_told(fee)} was charged {times} times"
    for fee in due - charged.keys():
        yield f"{_told(fee)} is due, and was not charged"


@dataclass
class _Product:
    asset_uuid: str | None
    due_on: str
    rate: Decimal
    outstanding: Decimal


def _due(evidence: Evidence) -> set[Fee]:
    products: dict[str, _Product] = {}
    values: dict[str, Decimal] = {}
    due: set[Fee] = set()
    for event in evidence.events:
        if event.type in ("AssetRegistered", "AssetRevalued"):
            values[event.data["asset_uuid"]] = Decimal(event.data["value"])
        elif event.type == "SystemCycled":
            due |= set(_fees_of(event.data["new_date"], products, values))
        else:
            _follow(event, products)
    return due


def _follow(event: Event, products: dict[str, _Product]) -> None:
    if event.type == "ProductOpened":
        data = event.data
        products[data["product_uuid"]] = _Product(
            data["asset_uuid"],
            data["due_on"],
            Decimal(data["daily_late_fee_rate"]),
            Decimal(data["amount"]),
        )
    elif event.type == "ProductPaid":
        products[event.data["product_uuid"]].outstanding -= Decimal(event.data["amount"])
    elif event.type == "LateFeeIncurred":
        products[event.data["product_uuid"]].outstanding += Decimal(event.data["amount"])


def _fees_of(
    new_date: str, products: Mapping[str, _Product], values: Mapping[str, Decimal]
) -> Iterator[Fee]:
    for uuid, product in products.items():
        if product.outstanding <= 0 or product.due_on >= new_date or product.asset_uuid is None:
            continue
        fee = (values[product.asset_uuid] * product.rate).quantize(CENT, ROUND_HALF_EVEN)
        if fee > 0:
            yield uuid, new_date, fee


def _told(fee: Fee) -> str:
    product, day, amount = fee
    return f"a late fee of {amount} on {product} for {day}"
