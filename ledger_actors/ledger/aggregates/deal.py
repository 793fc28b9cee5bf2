"""Deals: which companies are in them, in which roles, on which product line."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from ledger_actors.ledger.aggregates.company import Company
from ledger_actors.ledger.commands import deals as commands
from ledger_actors.ledger.deal_parties import Party, companies_of
from ledger_actors.ledger.events import deals as events
from ledger_actors.ledger.rejections import Code, Refused, ensure_exists, ensure_new
from ledger_actors.runtime import Aggregate, Command, Event, Named

NOUN = "deal"


class DealStatus(StrEnum):
    """Where a deal is in its life. `NONE`: it was never made."""

    NONE = "none"
    CREATED = "created"
    ACTIVE = "active"
    DELETED = "deleted"


class DealState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A deal as its events leave it."""

    deal_uuid: str = ""
    status: DealStatus = DealStatus.NONE
    product_line: int = 0
    rating_tier: str = ""
    parties: tuple[Party, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether it was ever made."""
        return self.status is not DealStatus.NONE


def decide(state: DealState, command: Command) -> Sequence[Event]:
    """Return the events that a command to this deal makes.

    Raises:
        Refused: the deal's rules say no; the code and the sentence tell which.
    """
    if isinstance(command, commands.CreateDeal):
        ensure_new(NOUN, command.deal_uuid, exists=state.exists)
        return (_terms(events.DealCreated, command),)
    if not isinstance(command, commands.DealCommand):
        raise TypeError(command)
    ensure_exists(NOUN, command.deal_uuid, exists=state.exists)
    if state.status is DealStatus.DELETED:
        raise Refused(Code.CLOSED, f"{NOUN} {command.deal_uuid} is deleted")
    return (_decide_existing(state, command),)


def evolve(state: DealState, event: Event) -> DealState:
    """Return the deal after an event of its stream."""
    match event:
        case events.DealCreated() | events.DealUpdated():
            return DealState(
                deal_uuid=event.deal_uuid,
                status=DealStatus.CREATED,
                product_line=event.product_line,
                rating_tier=event.rating_tier,
                parties=event.parties,
            )
        case events.DealActivated():
            return replace(state, status=DealStatus.ACTIVE)
        case events.DealDeleted():
            return replace(state, status=DealStatus.DELETED)
        case _:
            raise TypeError(event)


def _decide_existing(state: DealState, command: commands.DealCommand) -> Event:
    match command:
        case commands.UpdateDeal():
            return _terms(events.DealUpdated, command)
        case commands.ActivateDeal():
            if state.status is DealStatus.ACTIVE:
                raise Refused(Code.UNCHANGED, f"{NOUN} {command.deal_uuid} is active already")
            return events.DealActivated(deal_uuid=command.deal_uuid)
        case commands.DeleteDeal():
            return events.DealDeleted(deal_uuid=command.deal_uuid)
        case _:
            raise TypeError(command)


def _terms(
    kind: type[events.DealTermsEvent], command: commands.CreateDeal | commands.UpdateDeal
) -> Event:
    return kind(
        deal_uuid=command.deal_uuid,
        product_line=command.product_line,
        rating_tier=command.rating_tier,
        parties=command.parties,
    )


def named(command: commands.CreateDeal | commands.UpdateDeal) -> Sequence[Named]:
    """Return what has to be there before a deal has these terms: the companies in it."""
    return [(Company, uuid) for uuid in companies_of(command.parties)]


class Deal(Aggregate[DealState]):
    """The actor of one deal; its stream is `deal-UUID`."""

    category = "deal"
    initial_state = DealState()
    names = MappingProxyType({commands.CreateDeal: named, commands.UpdateDeal: named})
    commands = dict.fromkeys(commands.ALL, "deal_uuid")
    decide = staticmethod(decide)
    evolve = staticmethod(evolve)
