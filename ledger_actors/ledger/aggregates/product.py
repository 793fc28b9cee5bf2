"""Financial products: what is owed on them, until when, and what being late costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from ledger_actors.ledger.aggregates.deal import Deal
from ledger_actors.ledger.amounts import ZERO, add, subtract, to_decimal
from ledger_actors.ledger.commands import products as commands
from ledger_actors.ledger.events import products as events
from ledger_actors.ledger.rejections import Code, Refused, ensure_exists, ensure_new
from ledger_actors.runtime import Aggregate, Command, Event, Named

NOUN = "product"


class ProductState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A financial product as its events leave it. `due_on` is None before it is opened."""

    product_uuid: str = ""
    deal_uuid: str = ""
    asset_uuid: str | None = None
    paying_role: str = ""
    due_on: date | None = None
    daily_late_fee_rate: str = "0"
    outstanding: Decimal = ZERO
    late_fees: Decimal = ZERO

    @property
    def exists(self) -> bool:
        """Whether it was ever opened."""
        return self.due_on is not None


def decide(state: ProductState, command: Command) -> Sequence[Event]:
    """Return the events that a command to this product makes.

    Raises:
        Refused: the product's rules say no; the code and the sentence tell which.
    """
    if isinstance(command, commands.OpenProduct):
        ensure_new(NOUN, command.product_uuid, exists=state.exists)
        return (_opened(command),)
    if not isinstance(command, commands.ProductCommand):
        raise TypeError(command)
    ensure_exists(NOUN, command.product_uuid, exists=state.exists)
    return (_decide_existing(state, command),)


def evolve(state: ProductState, event: Event) -> ProductState:
    """Return the product after an event of its stream."""
    match event:
        case events.ProductPaid() | events.ProductWrittenOff():
            return replace(state, outstanding=subtract(state.outstanding, event.amount))
        case events.LateFeeIncurred():
            return replace(
                state,
                outstanding=add(state.outstanding, event.amount),
                late_fees=add(state.late_fees, event.amount),
            )
        case events.ProductOpened():
            return ProductState(
                product_uuid=event.product_uuid,
                deal_uuid=event.deal_uuid,
                asset_uuid=event.asset_uuid,
                paying_role=event.paying_role,
                due_on=event.due_on,
                daily_late_fee_rate=event.daily_late_fee_rate,
                outstanding=event.amount,
            )
        case events.ProductTermsChanged():
            return replace(
                state, due_on=event.due_on, daily_late_fee_rate=event.daily_late_fee_rate
            )
        case _:
            raise TypeError(event)


def paid(
    state: ProductState, amount: Decimal, *, payment_uuid: str | None = None, text: str = ""
) -> events.ProductPaid:
    """Return the event by which a product is paid, no more than is owed.

    Raises:
        Refused: nothing_owed, or exceeds_outstanding.
    """
    _ensure_owed(state, amount)
    return events.ProductPaid(
        product_uuid=state.product_uuid, amount=amount, payment_uuid=payment_uuid, text=text
    )


def _opened(command: commands.OpenProduct) -> Event:
    return events.ProductOpened(
        product_uuid=command.product_uuid,
        deal_uuid=command.deal_uuid,
        asset_uuid=command.asset_uuid,
        paying_role=command.paying_role,
        amount=to_decimal(command.amount),
        due_on=command.due_on,
        daily_late_fee_rate=command.daily_late_fee_rate,
    )


def _decide_existing(state: ProductState, command: commands.ProductCommand) -> Event:
    match command:
        case commands.PayProduct():
            return paid(state, to_decimal(command.amount), text=command.text)
        case commands.ChangeProductTerms():
            return events.ProductTermsChanged(
                product_uuid=command.product_uuid,
                due_on=command.due_on,
                daily_late_fee_rate=command.daily_late_fee_rate,
            )
        case commands.WriteOffProduct():
            amount = to_decimal(command.amount)
            _ensure_owed(state, amount)
            return events.ProductWrittenOff(
                product_uuid=command.product_uuid, amount=amount, text=command.text
            )
        case _:
            raise TypeError(command)


def _ensure_owed(state: ProductState, amount: Decimal) -> None:
    if state.outstanding == 0:
        raise Refused(Code.NOTHING_OWED, f"nothing is owed on {NOUN} {state.product_uuid}")
    if amount > state.outstanding:
        message = f"{state.outstanding} is owed on {NOUN} {state.product_uuid}, less than {amount}"
        raise Refused(Code.EXCEEDS_OUTSTANDING, message)


def named(command: commands.OpenProduct) -> Sequence[Named]:
    """Return what has to be there before a product is opened: its deal.

    Not its asset, which may be registered later: as long as there is none, there are no late fees.
    """
    return ((Deal, command.deal_uuid),)


class Product(Aggregate[ProductState]):
    """The actor of one financial product; its stream is `product-UUID`."""

    category = "product"
    initial_state = ProductState()
    names = MappingProxyType({commands.OpenProduct: named})
    commands = dict.fromkeys(commands.ALL, "product_uuid")
    decide = staticmethod(decide)
    evolve = staticmethod(evolve)
