"""Events of assets."""

from __future__ import annotations

from decimal import Decimal

from ledger_actors.ledger.entries import Credit, Debit, asset_balance
from ledger_actors.runtime import Event, event


class AssetEvent(Event, frozen=True, kw_only=True):
    """What every event of one asset names."""

    asset_uuid: str


@event("AssetRegistered", version=1)
class AssetRegistered(AssetEvent, frozen=True, kw_only=True):
    """An asset was registered, with its value, its sender and its receiver."""

    sender_company_uuid: str
    receiver_company_uuid: str
    value: Decimal
    name: str


@event("AssetRevalued", version=1)
class AssetRevalued(AssetEvent, frozen=True, kw_only=True):
    """An asset has another value. No money moved."""

    value: Decimal


@event("AssetRetired", version=1)
class AssetRetired(AssetEvent, frozen=True, kw_only=True):
    """An asset is retired for good, with the value that it last had."""


@event("AssetCredited", version=1)
class AssetCredited(Credit, frozen=True, kw_only=True):
    """Money came to an asset's balance, from `counterparty`."""

    asset_uuid: str

    @property
    def owner(self) -> str:
        """The asset's balance."""
        return asset_balance(self.asset_uuid)


@event("AssetDebited", version=1)
class AssetDebited(Debit, frozen=True, kw_only=True):
    """Money left an asset's balance, to `counterparty`."""

    asset_uuid: str

    @property
    def owner(self) -> str:
        """The asset's balance."""
        return asset_balance(self.asset_uuid)


ALL: tuple[type[Event], ...] = (
    AssetRegistered,
    AssetRevalued,
    AssetRetired,
    AssetCredited,
    AssetDebited,
)
