"""The ledger's events."""

from __future__ import annotations

from typing import Final

from ledger_actors.ledger.events import (
    accounts,
    assets,
    companies,
    deals,
    products,
    system,
    transfers,
)
from ledger_actors.runtime import Event

__all__ = ["ALL"]

ALL: Final[tuple[type[Event], ...]] = (
    *companies.ALL,
    *accounts.ALL,
    *assets.ALL,
    *deals.ALL,
    *products.ALL,
    *transfers.ALL,
    *system.ALL,
)
