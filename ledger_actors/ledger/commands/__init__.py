"""The ledger's commands."""

from __future__ import annotations

from typing import Final

from ledger_actors.ledger.commands import (
    accounts,
    assets,
    companies,
    deals,
    grants,
    products,
    system,
)
from ledger_actors.runtime import Command

__all__ = ["ALL"]

ALL: Final[tuple[type[Command], ...]] = (
    *companies.ALL,
    *accounts.ALL,
    *assets.ALL,
    *deals.ALL,
    *products.ALL,
    *grants.ALL,
    *system.ALL,
    products.MakePayment,
)
