"""Commands to deals."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ledger_actors.ledger.checking import LedgerCommand, check_fields
from ledger_actors.ledger.deal_parties import Party
from ledger_actors.ledger.identifiers import Identifier
from ledger_actors.runtime import command

MAX_PARTIES = 100
MAX_PRODUCT_LINE = 10_000


def check_product_line(name: str, value: object) -> None:
    """Check the number of a product line: 1 to 10,000.

    Raises:
        ValueError: with a sentence that names the field and what was expected.
    """
    if type(value) is not int or not 1 <= value <= MAX_PRODUCT_LINE:
        msg = f"{name}: expected a whole number from 1 to {MAX_PRODUCT_LINE}; got {value!r:.60}"
        raise ValueError(msg)


def check_parties(name: str, value: object) -> None:
    """Check the parties of a deal: 1 to 100, each as it should be, none twice.

    Raises:
        ValueError: with a sentence that names the field and what was expected.
    """
    if not isinstance(value, tuple) or not all(isinstance(party, Party) for party in value):
        msg = f"{name}: expected a tuple of Party(company_uuid=..., role=...); got {value!r:.60}"
        raise ValueError(msg)
    if not 1 <= len(value) <= MAX_PARTIES:
        msg = f"{name}: expected 1 to {MAX_PARTIES} parties; got {len(value)}"
        raise ValueError(msg)
    for party in value:
        check_fields(party)
    if len(set(value)) < len(value):
        msg = f"{name}: expected each company and role once; one is there twice"
        raise ValueError(msg)


ProductLine = Annotated[
    int,
    Meta(
        description="the number of a product line; memberships come from line 4",
        extra={"check": check_product_line},
    ),
]
Parties = Annotated[
    tuple[Party, ...],
    Meta(
        description="1 to 100 of {company_uuid, role}",
        extra={"check": check_parties},
    ),
]


class DealCommand(LedgerCommand, frozen=True, kw_only=True):
    """What every command to one deal names."""

    deal_uuid: Identifier


@command("CreateDeal")
class CreateDeal(DealCommand, frozen=True, kw_only=True):
    """Make a deal between registered companies, each in a role. It is not activated yet."""

    product_line: ProductLine
    rating_tier: Identifier
    parties: Parties


@command("UpdateDeal")
class UpdateDeal(DealCommand, frozen=True, kw_only=True):
    """Give a deal other terms, all of them. It has to be activated again."""

    product_line: ProductLine
    rating_tier: Identifier
    parties: Parties


@command("ActivateDeal")
class ActivateDeal(DealCommand, frozen=True, kw_only=True):
    """Put a deal in force."""


@command("DeleteDeal")
class DeleteDeal(DealCommand, frozen=True, kw_only=True):
    """Delete a deal for good."""


# What one aggregate decides alone.
ALL: tuple[type[DealCommand], ...] = (
    CreateDeal,
    UpdateDeal,
    ActivateDeal,
    DeleteDeal,
)
