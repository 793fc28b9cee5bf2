"""The domain: commands, events, and what the ledger makes of them; pure but for its rims.

`COMMAND_TYPES` are what can be asked for; `AGGREGATES` and `HANDLERS` decide; `EVENT_TYPES` are
what can have happened; `PROCESS_MANAGERS` and `PROJECTORS` react, in the order in which they are
to be started. Importing this package fills the runtime's catalogs.
"""

from __future__ import annotations

from typing import Any, Final

from ledger_actors.ledger import commands, events
from ledger_actors.ledger.aggregates.account import Account
from ledger_actors.ledger.aggregates.asset import Asset
from ledger_actors.ledger.aggregates.company import Company
from ledger_actors.ledger.aggregates.deal import Deal
from ledger_actors.ledger.aggregates.product import Product
from ledger_actors.ledger.aggregates.system import System
from ledger_actors.ledger.aggregates.transfer import Grant, Payment
from ledger_actors.ledger.handlers.grant_balances import GrantHandler
from ledger_actors.ledger.handlers.make_payment import PaymentHandler
from ledger_actors.ledger.process_managers.late_fees import LateFeeProcessManager
from ledger_actors.ledger.projectors.funding_accounts import FundingAccounts
from ledger_actors.ledger.projectors.memberships import Memberships
from ledger_actors.ledger.projectors.outstanding_products import OutstandingProducts
from ledger_actors.ledger.projectors.trial_balance import TrialBalanceProjector
from ledger_actors.runtime import (
    Aggregate,
    Command,
    CommandHandler,
    Event,
    ProcessManager,
    Projector,
)

__all__ = [
    "AGGREGATES",
    "COMMAND_TYPES",
    "EVENT_TYPES",
    "HANDLERS",
    "PROCESS_MANAGERS",
    "PROJECTORS",
]

COMMAND_TYPES: Final[tuple[type[Command], ...]] = commands.ALL
EVENT_TYPES: Final[tuple[type[Event], ...]] = events.ALL
AGGREGATES: Final[tuple[type[Aggregate[Any]], ...]] = (
    Company,
    Asset,
    Account,
    Deal,
    Product,
    Grant,
    Payment,
    System,
)
HANDLERS: Final[tuple[type[CommandHandler], ...]] = (GrantHandler, PaymentHandler)
PROJECTORS: Final[tuple[type[Projector], ...]] = (
    Memberships,
    FundingAccounts,
    OutstandingProducts,
    TrialBalanceProjector,
)
PROCESS_MANAGERS: Final[tuple[type[ProcessManager], ...]] = (LateFeeProcessManager,)
