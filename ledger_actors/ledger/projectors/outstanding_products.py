"""Read model: financial products, and which of them had an outstanding balance at which event.

A row says how a product was from one event until the next that changed it. So what was overdue when
the system cycled can be asked after that, and the answer does not depend on how far this projector
has come meanwhile: what a late fee rests on is never a matter of who was scheduled first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ledger_actors.ledger.aggregates.product import ProductState, evolve
from ledger_actors.ledger.events import products as events
from ledger_actors.runtime import Projector, Recorded

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["OutstandingProducts", "outstanding_products", "overdue_products", "product"]

# The end of a row that is in force: one index then finds all that are, and those just ended.
NOW: Final = 2**63 - 1
_COLUMNS: Final = (
    "product_uuid, deal_uuid, asset_uuid, paying_role, due_on, daily_late_fee_rate, "
    "outstanding, late_fees"
)
_LOAD: Final = (
    f"SELECT {_COLUMNS} FROM products "
    "WHERE product_uuid = ? AND from_event_id <= ? AND until_event_id > ?"
)
_CLOSE: Final = (
    "UPDATE products SET until_event_id = ? WHERE product_uuid = ? AND until_event_id = ?"
)
_PUT: Final = (
    f"INSERT INTO products ({_COLUMNS}, owed, from_event_id, until_event_id) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_OWED: Final = (
    f"SELECT {_COLUMNS} FROM products "
    "WHERE owed = 1 AND until_event_id > :as_of AND from_event_id <= :as_of "
    "AND (:due_before IS NULL OR due_on < :due_before) ORDER BY product_uuid"
)
_Changes = (
    events.ProductOpened,
    events.ProductTermsChanged,
    events.ProductPaid,
    events.ProductWrittenOff,
    events.LateFeeIncurred,
)


class OutstandingProducts(Projector):
    """Keeps `products`. Autonomous: it reads nothing but its events.

    A product's rows are made of its stream alone, and say from which event on they hold: an event
    that was parked and is taken up later leaves the same rows. Late fees wait for it.
    """

    name = "outstanding_products"
    version = 1
    types = (
        "ProductOpened",
        "ProductTermsChanged",
        "ProductPaid",
        "ProductWrittenOff",
        "LateFeeIncurred",
    )

    @staticmethod
    def create(db: Database) -> None:
        """Make the table."""
        text = dict.fromkeys(_COLUMNS.split(", "), str)
        numbers = dict.fromkeys(("owed", "from_event_id", "until_event_id"), int)
        not_null = {*text, *numbers} - {"asset_uuid"}
        table = db.table("products")
        table.create({**text, **numbers}, pk=("product_uuid", "from_event_id"), not_null=not_null)
        table.create_index(["owed", "until_event_id"])

    @staticmethod
    def project(db: Database, event: Recorded) -> None:
        """End the product's last row and begin the next."""
        happened = event.event
        assert isinstance(happened, _Changes)
        before = product(db, happened.product_uuid) or ProductState()
        state = evolve(before, happened)
        db.execute(_CLOSE, (event.id, state.product_uuid, NOW))
        owed = int(state.outstanding > 0)
        db.execute(_PUT, (*_row(state), owed, event.id, NOW))


def product(db: Database, product_uuid: str, *, as_of: int | None = None) -> ProductState | None:
    """Return one product, as it is or as it was at an event id; None where there was none."""
    at = NOW - 1 if as_of is None else as_of
    row = db.execute(_LOAD, (product_uuid, at, at)).fetchone()
    return None if row is None else _read(row)


def outstanding_products(db: Database, *, as_of: int | None = None) -> Sequence[ProductState]:
    """Return the products on which something is owed, or was at an event id, in order of id."""
    return _owed(db, as_of=as_of, due_before=None)


def overdue_products(db: Database, on: date, *, as_of: int | None = None) -> Sequence[ProductState]:
    """Return the outstanding products that were due before a date, in order of id."""
    return _owed(db, as_of=as_of, due_before=on.isoformat())


def _owed(db: Database, *, as_of: int | None, due_before: str | None) -> Sequence[ProductState]:
    wanted = {"as_of": NOW - 1 if as_of is None else as_of, "due_before": due_before}
    return tuple(_read(row) for row in db.execute(_OWED, wanted).fetchall())


def _row(state: ProductState) -> tuple[Any, ...]:
    assert state.due_on is not None
    return (
        state.product_uuid,
        state.deal_uuid,
        state.asset_uuid,
        state.paying_role,
        state.due_on.isoformat(),
        state.daily_late_fee_rate,
        format(state.outstanding, "f"),
        format(state.late_fees, "f"),
    )


def _read(row: Sequence[Any]) -> ProductState:
    product_uuid, deal_uuid, asset_uuid, paying_role, due_on, rate, outstanding, late_fees = row
    return ProductState(
        product_uuid=product_uuid,
        deal_uuid=deal_uuid,
        asset_uuid=asset_uuid,
        paying_role=paying_role,
        due_on=date.fromisoformat(due_on),
        daily_late_fee_rate=rate,
        outstanding=Decimal(outstanding),
        late_fees=Decimal(late_fees),
    )
