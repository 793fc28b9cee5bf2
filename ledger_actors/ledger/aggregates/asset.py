"""Assets: what one company sends to another, with a value and a balance that grants draw on."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from ledger_actors.ledger.aggregates.company import Company
from ledger_actors.ledger.amounts import ZERO, add, subtract, to_decimal
from ledger_actors.ledger.commands import assets as commands
from ledger_actors.ledger.entries import EXTERNAL, Reason
from ledger_actors.ledger.events import assets as events
from ledger_actors.ledger.rejections import (
    Code,
    Refused,
    ensure_covered,
    ensure_empty,
    ensure_exists,
    ensure_new,
)
from ledger_actors.runtime import Aggregate, Command, Event, Named

NOUN = "asset"


class AssetStatus(StrEnum):
    """Where an asset is in its life. `NONE`: it was never registered."""

    NONE = "none"
    ACTIVE = "active"
    RETIRED = "retired"


class AssetState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An asset as its events leave it."""

    asset_uuid: str = ""
    name: str = ""
    sender_company_uuid: str = ""
    receiver_company_uuid: str = ""
    status: AssetStatus = AssetStatus.NONE
    value: Decimal = ZERO
    balance: Decimal = ZERO

    @property
    def exists(self) -> bool:
        """Whether it was ever registered."""
        return self.status is not AssetStatus.NONE


def decide(state: AssetState, command: Command) -> Sequence[Event]:
    """Return the events that a command to this asset makes.

    Raises:
        Refused: the asset's rules say no; the code and the sentence tell which.
    """
    if isinstance(command, commands.RegisterAsset):
        ensure_new(NOUN, command.asset_uuid, exists=state.exists)
        return (_registered(command),)
    if not isinstance(command, commands.AssetCommand):
        raise TypeError(command)
    ensure_exists(NOUN, command.asset_uuid, exists=state.exists)
    if state.status is AssetStatus.RETIRED:
        raise Refused(Code.CLOSED, f"{NOUN} {command.asset_uuid} is retired")
    return (_decide_active(state, command),)


def evolve(state: AssetState, event: Event) -> AssetState:
    """Return the asset after an event of its stream."""
    match event:
        case events.AssetCredited():
            return replace(state, balance=add(state.balance, event.amount))
        case events.AssetDebited():
            return replace(state, balance=subtract(state.balance, event.amount))
        case events.AssetRevalued():
            return replace(state, value=event.value)
        case events.AssetRegistered():
            return AssetState(
                asset_uuid=event.asset_uuid,
                name=event.name,
                sender_company_uuid=event.sender_company_uuid,
                receiver_company_uuid=event.receiver_company_uuid,
                status=AssetStatus.ACTIVE,
                value=event.value,
            )
        case events.AssetRetired():
            return replace(state, status=AssetStatus.RETIRED)
        case _:
            raise TypeError(event)


def debited(
    state: AssetState, amount: Decimal, *, reason: Reason, counterparty: str, text: str = ""
) -> events.AssetDebited:
    """Return the event by which money leaves an asset, no more than it holds.

    Raises:
        Refused: insufficient_balance.
    """
    ensure_covered(NOUN, state.asset_uuid, balance=state.balance, amount=amount)
    return events.AssetDebited(
        asset_uuid=state.asset_uuid,
        amount=amount,
        reason=reason,
        counterparty=counterparty,
        text=text,
    )


def _registered(command: commands.RegisterAsset) -> Event:
    return events.AssetRegistered(
        asset_uuid=command.asset_uuid,
        sender_company_uuid=command.sender_company_uuid,
        receiver_company_uuid=command.receiver_company_uuid,
        value=to_decimal(command.value),
        name=command.name,
    )


def _decide_active(state: AssetState, command: commands.AssetCommand) -> Event:
    match command:
        case commands.DepositToAsset():
            return _credit(command, Reason.DEPOSIT)
        case commands.WithdrawFromAsset():
            return _debit(state, command, Reason.WITHDRAWAL)
        case commands.CorrectAsset(direction="in"):
            return _credit(command, Reason.CORRECTION)
        case commands.CorrectAsset():
            return _debit(state, command, Reason.CORRECTION)
        case commands.RevalueAsset():
            return events.AssetRevalued(
                asset_uuid=command.asset_uuid, value=to_decimal(command.value)
            )
        case commands.RetireAsset():
            ensure_empty(NOUN, command.asset_uuid, balance=state.balance)
            return events.AssetRetired(asset_uuid=command.asset_uuid)
        case _:
            raise TypeError(command)


def _credit(command: commands.DepositToAsset | commands.CorrectAsset, reason: Reason) -> Event:
    return events.AssetCredited(
        asset_uuid=command.asset_uuid,
        amount=to_decimal(command.amount),
        reason=reason,
        text=command.text,
    )


def _debit(
    state: AssetState, command: commands.WithdrawFromAsset | commands.CorrectAsset, reason: Reason
) -> Event:
    amount = to_decimal(command.amount)
    return debited(state, amount, reason=reason, counterparty=EXTERNAL, text=command.text)


def named(command: commands.RegisterAsset) -> Sequence[Named]:
    """Return what has to be there before an asset is registered: its sender and receiver."""
    return ((Company, command.sender_company_uuid), (Company, command.receiver_company_uuid))


class Asset(Aggregate[AssetState]):
    """The actor of one asset; its stream is `asset-UUID`."""

    category = "asset"
    initial_state = AssetState()
    names = MappingProxyType({commands.RegisterAsset: named})
    commands = dict.fromkeys(commands.ALL, "asset_uuid")
    decide = staticmethod(decide)
    evolve = staticmethod(evolve)
