"""Events of deals."""

from __future__ import annotations

from ledger_actors.ledger.deal_parties import Party
from ledger_actors.runtime import Event, event


class DealEvent(Event, frozen=True, kw_only=True):
    """What every event of one deal names."""

    deal_uuid: str


class DealTermsEvent(DealEvent, frozen=True, kw_only=True):
    """What an event names that sets all of a deal's terms."""

    product_line: int
    rating_tier: str
    parties: tuple[Party, ...]


@event("DealCreated", version=1)
class DealCreated(DealTermsEvent, frozen=True, kw_only=True):
    """A deal was made, not yet activated."""


@event("DealUpdated", version=1)
class DealUpdated(DealTermsEvent, frozen=True, kw_only=True):
    """A deal has other terms, and is not activated until it is activated again."""


@event("DealActivated", version=1)
class DealActivated(DealEvent, frozen=True, kw_only=True):
    """A deal is in force."""


@event("DealDeleted", version=1)
class DealDeleted(DealEvent, frozen=True, kw_only=True):
    """A deal is gone for good."""


ALL: tuple[type[Event], ...] = (
    DealCreated,
    DealUpdated,
    DealActivated,
    DealDeleted,
)
