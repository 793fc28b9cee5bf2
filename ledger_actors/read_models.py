"""What can be read through the door, by name: which projector has it, all of it, and one row.

A row has the names of the domain's own structs; amounts are strings, as everywhere on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from ledger_actors.ledger.projectors import funding_accounts as accounts
from ledger_actors.ledger.projectors import memberships as members
from ledger_actors.ledger.projectors import outstanding_products as products
from ledger_actors.ledger.projectors import trial_balance as trial
from ledger_actors.runtime import Projector

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["READ_MODELS", "ReadModel"]


@dataclass(frozen=True, slots=True)
class ReadModel:
    """One name: the projector that keeps it, and how it is read from its database.

    Both functions run in the reader's thread and may block on the disk. `one` returns None where
    there is no such row; where `one` itself is None there are no rows to choose from.
    """

    projector: type[Projector]
    noun: str
    all: Callable[[Database], Any]
    one: Callable[[Database, str], Any] | None = None


def _every_account(db: Database) -> Sequence[accounts.FundingAccount]:
    found: list[accounts.FundingAccount] = []
    while page := accounts.funding_accounts(db, after=found[-1].account_uuid if found else ""):
        found += page
    return found


READ_MODELS: Mapping[str, ReadModel] = {
    "balances": ReadModel(
        accounts.FundingAccounts, "funding account", _every_account, accounts.funding_account
    ),
    "memberships": ReadModel(
        members.Memberships, "membership of company", members.memberships, members.membership_of
    ),
    "products": ReadModel(
        products.OutstandingProducts, "product", products.outstanding_products, products.product
    ),
    "trial-balance": ReadModel(trial.TrialBalanceProjector, "trial balance", trial.trial_balance),
}


def as_json(value: Any) -> Any:
    """A struct of the domain, or several, as JSON values."""
    return msgspec.to_builtins(value)
