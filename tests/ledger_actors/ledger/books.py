"""The ledger without actors, threads or a store: pure functions over a dict of states.

`Books` does by hand what the runtime does: it decides a command on the states that it is about,
numbers the events, and folds each into the state of the stream that it is on.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sqlite_utils import Database

from ledger_actors.ledger.aggregates.account import Account
from ledger_actors.ledger.aggregates.asset import Asset
from ledger_actors.ledger.aggregates.company import Company
from ledger_actors.ledger.aggregates.deal import Deal
from ledger_actors.ledger.aggregates.product import Product
from ledger_actors.ledger.aggregates.system import System
from ledger_actors.ledger.aggregates.transfer import Grant, Payment
from ledger_actors.ledger.amounts import total
from ledger_actors.ledger.commands.accounts import OpenAccount
from ledger_actors.ledger.commands.assets import DepositToAsset, RegisterAsset
from ledger_actors.ledger.commands.companies import DepositToCompany, RegisterCompany
from ledger_actors.ledger.commands.deals import CreateDeal
from ledger_actors.ledger.commands.grants import GrantBalances, GrantDestination, GrantSource
from ledger_actors.ledger.commands.products import MakePayment, OpenProduct
from ledger_actors.ledger.deal_parties import Party
from ledger_actors.ledger.handlers import grant_balances, make_payment
from ledger_actors.runtime import Command, Event, Projector

AGGREGATES = (Account, Asset, Company, Deal, Product, System, Grant, Payment)
BY_CATEGORY = {aggregate.category: aggregate for aggregate in AGGREGATES}
HOLDERS = (Account, Asset, Company)


@dataclass(frozen=True, slots=True)
class Happened:
    """An event with its place, as a read model is shown it."""

    event: Any
    id: int
    stream: str


class Books:
    def __init__(self) -> None:
        self.happened: list[Happened] = []
        self._states: dict[tuple[Any, str], Any] = {}

    def send(self, order: Command) -> Sequence[Event]:
        """Decide a command and apply its events; raises what refuses it, and changes nothing."""
        decided = list(self._decide(order))
        return [self.record(stream, event) for stream, events in decided for event in events]

    def record(self, stream: str, event: Event) -> Event:
        """Put an event on a stream."""
        category, _, uuid = stream.partition("-")
        key = (BY_CATEGORY[category], uuid)
        self._states[key] = BY_CATEGORY[category].evolve(self.state(*key), event)
        self.happened.append(Happened(event, len(self.happened) + 1, stream))
        return event

    def state(self, kind: Any, uuid: str) -> Any:
        return self._states.get((kind, uuid), kind.initial_state)

    def state_at(self, kind: Any, uuid: str, event_id: int) -> Any:
        state = kind.initial_state
        for one in self.happened[:event_id]:
            if one.stream == kind.stream(uuid):
                state = kind.evolve(state, one.event)
        return state

    def money(self) -> Decimal:
        """What all companies, assets and accounts hold together."""
        return total(state.balance for (kind, _), state in self._states.items() if kind in HOLDERS)

    def holders(self) -> Iterable[tuple[Any, str, Any]]:
        return [(k, uuid, state) for (k, uuid), state in self._states.items() if k in HOLDERS]

    def projected(
        self, projector: Any, *, up_to: int | None = None, cuts: Iterable[int] = ()
    ) -> Database:
        """A read model of everything that has happened, or of the first events of it.

        All at once, or in the batches that `cuts` in the list of events make.
        """
        db = Database(memory=True)
        weakref.finalize(db, db.conn.close)
        projector.create(db)
        ends = [*sorted(cuts), up_to]
        for start, end in pairwise([0, *ends]):
            wanted = [
                one
                for one in self.happened[start:end]
                if not projector.types or type(one.event).__name__ in projector.types
            ]
            if projector.project_all is Projector.project_all:
                for one in wanted:
                    projector.project(db, one)
            else:
                projector.project_all(db, wanted)
        return db

    def _decide(self, order: Command) -> Iterable[tuple[str, Sequence[Event]]]:
        for module, kind in ((grant_balances, GrantBalances), (make_payment, MakePayment)):
            if isinstance(order, kind):
                states = {key: self.state(*key) for key in module.reads(order)}
                return [(one.stream, one.events) for one in module.decide(order, states)]
        (aggregate,) = (one for one in AGGREGATES if type(order) in one.commands)
        uuid = getattr(order, aggregate.commands[type(order)])
        return [(aggregate.stream(uuid), aggregate.decide(self.state(aggregate, uuid), order))]


def company(uuid: str = "acme", balance: str | None = None) -> list[Command]:
    made: list[Command] = [RegisterCompany(company_uuid=uuid, name=uuid)]
    return made + ([DepositToCompany(company_uuid=uuid, amount=balance)] if balance else [])


def companies(*uuids: str) -> list[Command]:
    """Companies without a balance, by default those between which an asset is sent."""
    return [RegisterCompany(company_uuid=one, name=one) for one in uuids or ("sender", "receiver")]


def asset(uuid: str = "ship", balance: str | None = None, value: str = "1000.00") -> list[Command]:
    made: list[Command] = [
        RegisterAsset(
            asset_uuid=uuid,
            sender_company_uuid="sender",
            receiver_company_uuid="receiver",
            value=value,
        )
    ]
    return made + ([DepositToAsset(asset_uuid=uuid, amount=balance)] if balance else [])


def account(uuid: str = "main", company_uuid: str = "acme") -> list[Command]:
    return [OpenAccount(account_uuid=uuid, company_uuid=company_uuid)]


def deal(uuid: str = "deal", **roles: str) -> list[Command]:
    parties = tuple(Party(company_uuid=one, role=role) for one, role in roles.items())
    return [CreateDeal(deal_uuid=uuid, product_line=1, rating_tier="A", parties=parties)]


def product(
    uuid: str = "loan", *, asset_uuid: str | None = "ship", due_on: date, rate: str = "0.001"
) -> list[Command]:
    return [
        OpenProduct(
            product_uuid=uuid,
            deal_uuid="deal",
            asset_uuid=asset_uuid,
            paying_role="payer",
            amount="500.00",
            due_on=due_on,
            daily_late_fee_rate=rate,
        )
    ]


def grant(sources: Sequence[tuple[str, str]], *to: tuple[str, str], uuid: str = "g") -> Any:
    """A grant from (type, uuid)s to accounts of acme with their amounts."""
    return GrantBalances(
        grant_uuid=uuid,
        sources=tuple(GrantSource(from_type=kind, from_uuid=one) for kind, one in sources),  # type: ignore[arg-type]
        destinations=tuple(
            GrantDestination(to_company_account_uuid=one, to_company_uuid="acme", amount=amount)
            for one, amount in to
        ),
    )


def books(*orders: list[Command]) -> Books:
    """Books in which these commands have been taken."""
    made = Books()
    for order in (order for some in orders for order in some):
        made.send(order)
    return made
