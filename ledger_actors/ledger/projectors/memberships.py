"""Read model: which company is a member, through which deal.

It persists, with its position, rather than being built anew from the first event on each start: a
daemon must be ready in seconds whatever has happened before. A look-up reads the table, not the
mailbox, so it is answered while the actor hydrates, is busy or is being restarted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ledger_actors.ledger.events.deals import DealEvent
from ledger_actors.ledger.membership import Change, Membership, Removed, changes
from ledger_actors.runtime import Projector, Recorded

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["Memberships", "membership_of", "memberships"]

_SELECT: Final = "SELECT company_uuid, rating_tier, deal_uuid, activated FROM memberships "
_OF_COMPANY: Final = _SELECT + "WHERE company_uuid = ?"
_OF_DEAL: Final = _SELECT + "WHERE deal_uuid = ?"
_ALL: Final = _SELECT + "ORDER BY company_uuid"
_PUT: Final = (
    "INSERT OR REPLACE INTO memberships (company_uuid, rating_tier, deal_uuid, activated) "
    "VALUES (?, ?, ?, ?)"
)
_REMOVE: Final = "DELETE FROM memberships WHERE company_uuid = ?"


class Memberships(Projector):
    """The membership actor, a singleton over the events of all deals.

    Bound to their order: of two deals of one company the later one counts, and an event of a deal
    does not say which company had it. So it may not go on without one, and stops at it.
    """

    name = "membership"
    version = 1
    order_bound = True
    types = ("DealCreated", "DealUpdated", "DealActivated", "DealDeleted")

    @staticmethod
    def create(db: Database) -> None:
        """Make the table."""
        columns = {"company_uuid": str, "rating_tier": str, "deal_uuid": str, "activated": int}
        table = db.table("memberships")
        table.create(columns, pk="company_uuid", not_null=set(columns))
        table.create_index(["deal_uuid"], unique=True)

    @staticmethod
    def project(db: Database, event: Recorded) -> None:
        """Apply what an event of a deal changes."""
        happened = event.event
        assert isinstance(happened, DealEvent)
        for change in changes(happened, _one(db, _OF_DEAL, happened.deal_uuid)):
            _apply(db, change)


def membership_of(db: Database, company_uuid: str) -> Membership | None:
    """Return a company's membership; None where it is no member."""
    return _one(db, _OF_COMPANY, company_uuid)


def memberships(db: Database) -> Sequence[Membership]:
    """Return all memberships, in order of company."""
    return tuple(_read(row) for row in db.execute(_ALL).fetchall())


def _apply(db: Database, change: Change) -> None:
    if isinstance(change, Removed):
        db.execute(_REMOVE, (change.company_uuid,))
        return
    row = (change.company_uuid, change.rating_tier, change.deal_uuid, int(change.activated))
    db.execute(_PUT, row)


def _one(db: Database, query: str, key: str) -> Membership | None:
    row = db.execute(query, (key,)).fetchone()
    return None if row is None else _read(row)


def _read(row: Sequence[Any]) -> Membership:
    company_uuid, rating_tier, deal_uuid, activated = row
    return Membership(
        company_uuid=company_uuid,
        rating_tier=rating_tier,
        deal_uuid=deal_uuid,
        activated=bool(activated),
    )
