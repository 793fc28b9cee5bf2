"""Who takes part in a deal, and in which role."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ledger_actors.ledger.identifiers import Identifier

__all__ = ["Party", "companies_of", "holders_of"]


class Party(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A company in a deal, with one role; a company with two roles is two parties.

    A command checks its parties; an event does not, so that one that was written under an older
    rule can still be read.
    """

    company_uuid: Identifier
    role: Identifier


def companies_of(parties: Iterable[Party]) -> tuple[str, ...]:
    """Return the companies in a deal, each once, in the deal's order."""
    return tuple(dict.fromkeys(party.company_uuid for party in parties))


def holders_of(role: str, parties: Iterable[Party]) -> tuple[str, ...]:
    """Return the companies that hold a role, in the deal's order."""
    return tuple(party.company_uuid for party in parties if party.role == role)
