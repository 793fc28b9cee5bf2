"""The command that grants balances."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ledger_actors.ledger.amounts import Amount
from ledger_actors.ledger.checking import LedgerCommand, Part
from ledger_actors.ledger.identifiers import Identifier, LineText
from ledger_actors.runtime import command

MAX_PARTS = 1_000


class GrantSource(Part, frozen=True, kw_only=True):
    """A balance to draw from."""

    from_type: Literal["asset", "company"]
    from_uuid: Identifier


class GrantDestination(Part, frozen=True, kw_only=True):
    """A company's funding account, and what it gets."""

    to_company_account_uuid: Identifier
    to_company_uuid: Identifier
    amount: Amount


def _check_count(name: str, value: object, *, kind: type) -> None:
    if not isinstance(value, tuple) or not all(isinstance(part, kind) for part in value):
        msg = f"{name}: expected a tuple of {kind.__name__}(...); got {value!r:.60}"
        raise ValueError(msg)
    if not 1 <= len(value) <= MAX_PARTS:
        msg = f"{name}: expected 1 to {MAX_PARTS} of them; got {len(value) or 'none'}"
        raise ValueError(msg)


def check_sources(name: str, value: object) -> None:
    """Check that there are 1 to 1,000 sources.

    Raises:
        ValueError: with a sentence that names the field and what was expected.
    """
    _check_count(name, value, kind=GrantSource)


def check_destinations(name: str, value: object) -> None:
    """Check that there are 1 to 1,000 destinations.

    Raises:
        ValueError: with a sentence that names the field and what was expected.
    """
    _check_count(name, value, kind=GrantDestination)


Sources = Annotated[
    tuple[GrantSource, ...],
    Meta(
        description="1 to 1,000 of {from_type: asset|company, from_uuid}, drawn down in order",
        extra={"check": check_sources},
    ),
]
Destinations = Annotated[
    tuple[GrantDestination, ...],
    Meta(
        description="1 to 1,000 of {to_company_account_uuid, to_company_uuid, amount}",
        extra={"check": check_destinations},
    ),
]


@command("GrantBalances")
class GrantBalances(LedgerCommand, frozen=True, kw_only=True):
    """Move what assets and companies hold to funding accounts, all of it or nothing.

    Every source must exist and have a balance above zero, none twice; every destination account
    must exist, belong to that company and be active; and the sources together must hold the total.
    """

    grant_uuid: Identifier
    sources: Sources
    destinations: Destinations
    text: LineText = ""


ALL: tuple[type[LedgerCommand], ...] = (GrantBalances,)
