"""Events of companies."""

from __future__ import annotations

from ledger_actors.ledger.entries import Credit, Debit, company_balance
from ledger_actors.runtime import Event, event


class CompanyEvent(Event, frozen=True, kw_only=True):
    """What every event of one company names."""

    company_uuid: str


@event("CompanyRegistered", version=1)
class CompanyRegistered(CompanyEvent, frozen=True, kw_only=True):
    """A company was registered, active."""

    name: str


@event("CompanyRenamed", version=1)
class CompanyRenamed(CompanyEvent, frozen=True, kw_only=True):
    """A company has another name."""

    name: str


@event("CompanyActivated", version=1)
class CompanyActivated(CompanyEvent, frozen=True, kw_only=True):
    """An inactive company is active again."""


@event("CompanyDeactivated", version=1)
class CompanyDeactivated(CompanyEvent, frozen=True, kw_only=True):
    """A company is inactive."""


@event("CompanyCredited", version=1)
class CompanyCredited(Credit, frozen=True, kw_only=True):
    """Money came to a company's balance, from `counterparty`."""

    company_uuid: str

    @property
    def owner(self) -> str:
        """The company's balance."""
        return company_balance(self.company_uuid)


@event("CompanyDebited", version=1)
class CompanyDebited(Debit, frozen=True, kw_only=True):
    """Money left a company's balance, to `counterparty`."""

    company_uuid: str

    @property
    def owner(self) -> str:
        """The company's balance."""
        return company_balance(self.company_uuid)


ALL: tuple[type[Event], ...] = (
    CompanyRegistered,
    CompanyRenamed,
    CompanyActivated,
    CompanyDeactivated,
    CompanyCredited,
    CompanyDebited,
)
