"""Why a command is refused: a stable code for programs and a sentence for people."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from ledger_actors.runtime import Rejection

__all__ = ["Code", "Refused", "ensure_covered", "ensure_empty", "ensure_exists", "ensure_new"]


class Code(StrEnum):
    """The codes that a refusal by the ledger's own rules can have."""

    DOES_NOT_EXIST = "does_not_exist"
    ALREADY_EXISTS = "already_exists"
    INACTIVE = "inactive"
    CLOSED = "closed"
    UNCHANGED = "unchanged"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    BALANCE_NOT_ZERO = "balance_not_zero"
    DUPLICATE_SOURCE = "duplicate_source"
    WRONG_COMPANY = "wrong_company"
    NOTHING_OWED = "nothing_owed"
    EXCEEDS_OUTSTANDING = "exceeds_outstanding"
    ALREADY_CYCLED = "already_cycled"
    DATE_OUT_OF_ORDER = "date_out_of_order"


class Refused(Rejection):
    """A refusal: nothing was written. `code` is one of `Code`, `message` names the thing."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code.value
        self.message = message


def ensure_new(noun: str, uuid: str, *, exists: bool) -> None:
    """Refuse where the thing to be made is there already.

    Raises:
        Refused: already_exists.
    """
    if exists:
        raise Refused(Code.ALREADY_EXISTS, f"{noun} {uuid} exists already")


def ensure_exists(noun: str, uuid: str, *, exists: bool) -> None:
    """Refuse where the thing is not there.

    Raises:
        Refused: does_not_exist.
    """
    if not exists:
        raise Refused(Code.DOES_NOT_EXIST, f"{noun} {uuid} does not exist")


def ensure_covered(noun: str, uuid: str, *, balance: Decimal, amount: Decimal) -> None:
    """Refuse where a command would take a balance below zero.

    Raises:
        Refused: insufficient_balance.
    """
    if amount > balance:
        message = f"{noun} {uuid} has a balance of {balance}: {amount} cannot be taken from it"
        raise Refused(Code.INSUFFICIENT_BALANCE, message)


def ensure_empty(noun: str, uuid: str, *, balance: Decimal) -> None:
    """Refuse to end what still holds money, or owes it.

    Raises:
        Refused: balance_not_zero.
    """
    if balance != 0:
        message = f"{noun} {uuid} has a balance of {balance}: it has to be zero before the end"
        raise Refused(Code.BALANCE_NOT_ZERO, message)
