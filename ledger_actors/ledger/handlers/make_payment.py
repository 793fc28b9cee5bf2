"""Payments on a product out of a balance of this ledger: both change, or neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from ledger_actors.ledger.aggregates import account, company, product
from ledger_actors.ledger.aggregates.account import Account, AccountState
from ledger_actors.ledger.aggregates.company import Company, CompanyState
from ledger_actors.ledger.aggregates.product import Product
from ledger_actors.ledger.aggregates.transfer import Payment
from ledger_actors.ledger.amounts import to_decimal
from ledger_actors.ledger.commands.products import MakePayment
from ledger_actors.ledger.entries import Reason, payment_balance
from ledger_actors.ledger.events.transfers import PaymentMade
from ledger_actors.ledger.rejections import ensure_exists, ensure_new
from ledger_actors.runtime import Aggregate, CommandHandler, Event, StreamEvents

PayerState: TypeAlias = AccountState | CompanyState
Key: TypeAlias = tuple[type[Aggregate[Any]], str]


def payer_key(command: MakePayment) -> Key:
    """Return the aggregate out of whose balance is paid."""
    return (Account if command.from_type == "account" else Company, command.from_uuid)


def reads(command: MakePayment) -> Sequence[Key]:
    """Return what a payment rests on: itself, the payer, the product."""
    return (*creates(command), payer_key(command), (Product, command.product_uuid))


def creates(command: MakePayment) -> Sequence[Key]:
    """Return what a payment makes: itself."""
    return ((Payment, command.payment_uuid),)


def decide(command: MakePayment, states: Mapping[Key, Any]) -> Sequence[StreamEvents]:
    """Return the events of a payment, stream by stream, from the states that `reads` named.

    Raises:
        Refused: already_exists, does_not_exist, inactive, closed, insufficient_balance,
            nothing_owed or exceeds_outstanding; the sentence names the thing.
    """
    owed = states[Product, command.product_uuid]
    ensure_new("payment", command.payment_uuid, exists=states[Payment, command.payment_uuid].exists)
    ensure_exists(product.NOUN, command.product_uuid, exists=owed.exists)
    amount = to_decimal(command.amount)
    paid = product.paid(owed, amount, payment_uuid=command.payment_uuid, text=command.text)
    kind, uuid = payer_key(command)
    debited = _debited(command, states[kind, uuid], amount)
    return (
        StreamEvents(Payment.stream(command.payment_uuid), (_made(command, amount),)),
        StreamEvents(kind.stream(uuid), (debited,)),
        StreamEvents(Product.stream(command.product_uuid), (paid,)),
    )


def _debited(command: MakePayment, payer: PayerState, amount: Decimal) -> Event:
    ensure_exists(command.from_type, command.from_uuid, exists=payer.exists)
    through = payment_balance(command.payment_uuid)
    if isinstance(payer, AccountState):
        account.ensure_active(payer)
        return account.debited(payer, amount, reason=Reason.PAYMENT, counterparty=through)
    company.ensure_active(payer)
    return company.debited(payer, amount, reason=Reason.PAYMENT, counterparty=through)


def _made(command: MakePayment, amount: Decimal) -> Event:
    return PaymentMade(
        payment_uuid=command.payment_uuid,
        product_uuid=command.product_uuid,
        from_type=command.from_type,
        from_uuid=command.from_uuid,
        amount=amount,
        text=command.text,
    )


class PaymentHandler(CommandHandler):
    """The actor that makes payments out of the ledger's balances."""

    command = MakePayment
    reads = staticmethod(reads)
    creates = staticmethod(creates)
    decide = staticmethod(decide)
