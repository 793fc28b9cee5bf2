"""Commands to assets."""

from __future__ import annotations

from typing import Literal

from ledger_actors.ledger.amounts import Amount, AmountOrZero
from ledger_actors.ledger.checking import LedgerCommand
from ledger_actors.ledger.identifiers import Identifier, LineText, Name
from ledger_actors.runtime import command


class AssetCommand(LedgerCommand, frozen=True, kw_only=True):
    """What every command to one asset names."""

    asset_uuid: Identifier


@command("RegisterAsset")
class RegisterAsset(AssetCommand, frozen=True, kw_only=True):
    """Register an asset that one registered company sends to another, with its value.

    Its balance is zero.
    """

    sender_company_uuid: Identifier
    receiver_company_uuid: Identifier
    value: AmountOrZero
    name: Name = "asset"


@command("RevalueAsset")
class RevalueAsset(AssetCommand, frozen=True, kw_only=True):
    """Give an asset another value. It moves no money."""

    value: AmountOrZero


@command("RetireAsset")
class RetireAsset(AssetCommand, frozen=True, kw_only=True):
    """Retire an asset for good. Its balance must be zero; its last value stays what it was."""


@command("DepositToAsset")
class DepositToAsset(AssetCommand, frozen=True, kw_only=True):
    """Put money from outside on the balance of an asset."""

    amount: Amount
    text: LineText = ""


@command("WithdrawFromAsset")
class WithdrawFromAsset(AssetCommand, frozen=True, kw_only=True):
    """Take money out of an asset's balance, no more than it holds."""

    amount: Amount
    text: LineText = ""


@command("CorrectAsset")
class CorrectAsset(AssetCommand, frozen=True, kw_only=True):
    """Correct a mistake with a new entry, in or out; out takes no more than the asset holds."""

    direction: Literal["in", "out"]
    amount: Amount
    text: LineText


# What one aggregate decides alone.
ALL: tuple[type[AssetCommand], ...] = (
    RegisterAsset,
    RevalueAsset,
    RetireAsset,
    DepositToAsset,
    WithdrawFromAsset,
    CorrectAsset,
)
