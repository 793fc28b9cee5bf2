"""Membership: which company is a member through which deal, from the events of all deals.

Pure: an event and what is tracked give the changes. A membership comes from a deal of product line
4 with exactly one company. `DealCreated` and `DealUpdated` set it, not activated; `DealActivated`
activates the deal that is tracked; `DealDeleted` removes it. What concerns a deal that is not
tracked changes nothing.

A company has one membership: the last deal that set it is the one that is tracked. An update by
which a tracked deal stops being such a deal, or becomes another company's, removes what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec.structs import replace

from ledger_actors.ledger.deal_parties import companies_of
from ledger_actors.ledger.events.deals import (
    DealActivated,
    DealCreated,
    DealDeleted,
    DealTermsEvent,
    DealUpdated,
)

__all__ = ["Change", "Membership", "Removed", "changes", "offered_by"]

MEMBERSHIP_PRODUCT_LINE: Final = 4


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """A company's membership."""

    company_uuid: str
    rating_tier: str
    deal_uuid: str
    activated: bool = False


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """A company is no member any more."""

    company_uuid: str


Change: TypeAlias = Membership | Removed


def offered_by(event: DealTermsEvent) -> Membership | None:
    """Return the membership that a deal's terms give; None where it is no such deal."""
    companies = companies_of(event.parties)
    if event.product_line != MEMBERSHIP_PRODUCT_LINE or len(companies) != 1:
        return None
    return Membership(
        company_uuid=companies[0], rating_tier=event.rating_tier, deal_uuid=event.deal_uuid
    )


def changes(event: object, tracked: Membership | None) -> Sequence[Change]:
    """Return what an event changes; `tracked` is the membership of the event's deal, if any."""
    match event:
        case DealCreated() | DealUpdated():
            return _set(offered_by(event), tracked)
        case DealActivated() if tracked is not None:
            return (replace(tracked, activated=True),)
        case DealDeleted() if tracked is not None:
            return (Removed(company_uuid=tracked.company_uuid),)
        case _:
            return ()


def _set(offered: Membership | None, tracked: Membership | None) -> Sequence[Change]:
    if offered is None:
        return () if tracked is None else (Removed(company_uuid=tracked.company_uuid),)
    if tracked is None or tracked.company_uuid == offered.company_uuid:
        return (offered,)
    return (Removed(company_uuid=tracked.company_uuid), offered)
