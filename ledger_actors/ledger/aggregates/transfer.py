"""Grants and payments: once made, they are what they are.

Both are made by command handlers, which read them to know that they are new.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from ledger_actors.ledger.amounts import ZERO
from ledger_actors.ledger.events.transfers import (
    BalancesGranted,
    DrawnSource,
    GrantedDestination,
    PaymentMade,
)
from ledger_actors.runtime import Aggregate, Command, Event


class GrantState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A grant, as it was made; empty before."""

    grant_uuid: str = ""
    sources: tuple[DrawnSource, ...] = ()
    destinations: tuple[GrantedDestination, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether it was made."""
        return bool(self.grant_uuid)


class PaymentState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A payment, as it was made; empty before."""

    payment_uuid: str = ""
    product_uuid: str = ""
    from_type: str = ""
    from_uuid: str = ""
    amount: Decimal = ZERO

    @property
    def exists(self) -> bool:
        """Whether it was made."""
        return bool(self.payment_uuid)


def evolve_grant(state: GrantState, event: Event) -> GrantState:
    """Return the grant after the one event of its stream."""
    del state
    if not isinstance(event, BalancesGranted):
        raise TypeError(event)
    return GrantState(
        grant_uuid=event.grant_uuid, sources=event.sources, destinations=event.destinations
    )


def evolve_payment(state: PaymentState, event: Event) -> PaymentState:
    """Return the payment after the one event of its stream."""
    del state
    if not isinstance(event, PaymentMade):
        raise TypeError(event)
    return PaymentState(
        payment_uuid=event.payment_uuid,
        product_uuid=event.product_uuid,
        from_type=event.from_type,
        from_uuid=event.from_uuid,
        amount=event.amount,
    )


def decide_nothing(state: object, command: Command) -> Sequence[Event]:
    """Take no command: a handler makes grants and payments."""
    del state
    raise TypeError(command)


class Grant(Aggregate[GrantState]):
    """The actor of one grant; its stream is `grant-UUID`."""

    category = "grant"
    initial_state = GrantState()
    decide = staticmethod(decide_nothing)
    evolve = staticmethod(evolve_grant)


class Payment(Aggregate[PaymentState]):
    """The actor of one payment; its stream is `payment-UUID`."""

    category = "payment"
    initial_state = PaymentState()
    decide = staticmethod(decide_nothing)
    evolve = staticmethod(evolve_payment)
