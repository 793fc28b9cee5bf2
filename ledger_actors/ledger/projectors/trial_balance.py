"""Read model: the trial balance, which proves that no money is made or lost.

Every posting of every event goes on the balance that it names, `external` among them. Each event
sums to zero, so all balances together do; what companies, assets and accounts hold is what came in
less what went out; and a grant or payment that is wholly there leaves nothing in transit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from ledger_actors.ledger.amounts import ZERO, add, subtract, total
from ledger_actors.ledger.entries import EXTERNAL, Entry, kind_of, postings_of
from ledger_actors.runtime import Projector, Recorded, Rows

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["Flow", "KindTotal", "TrialBalance", "TrialBalanceProjector", "balance", "trial_balance"]

MONEY: Final = frozenset({"account", "asset", "company"})
TRANSIT: Final = frozenset({"grant", "payment"})

# One statement sees one moment: in two, a commit could fall between balances and flows.
_EVERYTHING: Final = (
    "SELECT NULL, NULL, kind, amount FROM balances "
    "UNION ALL SELECT reason, came_in, went_out, NULL FROM flows"
)


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """One balance, such as "account:UUID" or "external"."""

    balance: str
    kind: str
    amount: Decimal


class KindTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The balances of one kind together: how many, and their sum."""

    kind: str
    count: int
    total: Decimal


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """What came in from the world outside and went out to it for one reason."""

    reason: str
    came_in: Decimal
    went_out: Decimal


_BALANCES: Final = Rows("balances", Balance, key="balance")
_FLOWS: Final = Rows("flows", Flow, key="reason")


class TrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """The trial balance at the read model's position. `holds`: no money was made or lost.

    `total` is the sum over all balances and is zero; `money` is what companies, assets and accounts
    hold and is `came_in - went_out`; `in_transit` is what grants and payments have taken and not
    given, and is zero; `claims` is what is owed on products.
    """

    total: Decimal
    money: Decimal
    external: Decimal
    came_in: Decimal
    went_out: Decimal
    in_transit: Decimal
    claims: Decimal
    holds: bool
    kinds: tuple[KindTotal, ...]
    flows: tuple[Flow, ...]


class TrialBalanceProjector(Projector):
    """Keeps `balances` and `flows`. Autonomous: it reads nothing but its events.

    Sums do not depend on an order. Where an event is parked, the balances of its stream are wrong
    and no others; `holds` says so where it is one part of a grant or payment.
    """

    name = "trial_balance"
    version = 1

    @staticmethod
    def create(db: Database) -> None:
        """Make the tables."""
        balances = {"balance": str, "kind": str, "amount": str}
        flows = {"reason": str, "came_in": str, "went_out": str}
        db.table("balances").create(balances, pk="balance", not_null=set(balances))
        db.table("flows").create(flows, pk="reason", not_null=set(flows))

    @staticmethod
    def project_all(db: Database, recorded: Sequence[Recorded]) -> None:
        """Post what events move.

        Raises:
            ArithmeticError: the postings of one do not sum to zero.
        """
        posted: defaultdict[str, list[Decimal]] = defaultdict(list)
        outside: defaultdict[str, list[Decimal]] = defaultdict(list)
        for one in recorded:
            if isinstance(happened := one.event, Entry):
                for posting in postings_of(happened):
                    amount = posting.amount
                    posted[name := posting.balance].append(amount)
                    if name == EXTERNAL:
                        outside[str(happened.cause())].append(amount)
        _post(db, posted)
        _flow(db, outside)


def balance(db: Database, name: str) -> Decimal:
    """Return one balance, such as "account:UUID" or "external"; zero where nothing was posted."""
    found = _BALANCES.find(db, (name,)).get(name)
    return ZERO if found is None else found.amount


def trial_balance(db: Database) -> TrialBalance:
    """Sum all balances anew, from their rows, and say whether everything agrees."""
    rows = db.execute(_EVERYTHING).fetchall()
    flows = [
        Flow(reason=reason, came_in=Decimal(came_in), went_out=Decimal(went_out))
        for reason, came_in, went_out, _ in rows
        if reason is not None
    ]
    kinds = _kinds((kind, amount) for reason, _, kind, amount in rows if reason is None)
    return summed(kinds, sorted(flows, key=lambda flow: flow.reason))


def summed(kinds: Sequence[KindTotal], flows: Sequence[Flow]) -> TrialBalance:
    """Return the trial balance of these sums; pure."""

    def of(wanted: Iterable[str]) -> Decimal:
        return total(kind.total for kind in kinds if kind.kind in wanted)

    came_in = total(flow.came_in for flow in flows)
    went_out = total(flow.went_out for flow in flows)
    everything = total(kind.total for kind in kinds)
    money, in_transit = of(MONEY), of(TRANSIT)
    holds = everything == 0 and in_transit == 0 and money == subtract(came_in, went_out)
    return TrialBalance(
        total=everything,
        money=money,
        external=of({EXTERNAL}),
        came_in=came_in,
        went_out=went_out,
        in_transit=in_transit,
        claims=of({"product"}),
        holds=holds,
        kinds=tuple(kinds),
        flows=tuple(flows),
    )


def _kinds(rows: Iterable[tuple[str, str]]) -> Sequence[KindTotal]:
    counts: dict[str, int] = {}
    totals: dict[str, Decimal] = {}
    for kind, amount in rows:
        counts[kind] = counts.get(kind, 0) + 1
        totals[kind] = add(totals.get(kind, ZERO), Decimal(amount))
    return [KindTotal(kind=kind, count=counts[kind], total=totals[kind]) for kind in sorted(counts)]


def _post(db: Database, posted: Mapping[str, Sequence[Decimal]]) -> None:
    held = _BALANCES.find(db, posted)
    kept: list[Balance] = []
    over: list[str] = []
    for name, amounts in posted.items():
        before, kind = held.get(name), kind_of(name)
        amount = total(amounts, ZERO if before is None else before.amount)
        if not amount and kind in TRANSIT:
            over.append(name)  # one row a transfer would grow for ever
        else:
            kept.append(Balance(balance=name, kind=kind, amount=amount))
    _BALANCES.put(db, kept)
    _BALANCES.delete(db, over)


def _flow(db: Database, outside: Mapping[str, Sequence[Decimal]]) -> None:
    flows = _FLOWS.find(db, outside)
    for reason, amounts in outside.items():
        flow = flows.get(reason) or Flow(reason=reason, came_in=ZERO, went_out=ZERO)
        came_in = subtract(flow.came_in, total([one for one in amounts if one < 0]))
        went_out = total([one for one in amounts if one > 0], flow.went_out)
        flows[reason] = replace(flow, came_in=came_in, went_out=went_out)
    _FLOWS.put(db, flows.values())
