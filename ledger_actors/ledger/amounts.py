"""Money: exact decimals, strings on the wire, never floats.

On the wire an amount is a JSON string of plain digits with at most six decimals, such as
"12.50". Inside it is a `Decimal`, and every sum is taken in a context that raises rather than
round. Six decimals is also what `str(Decimal)` writes without an exponent, so that an amount
looks the same in a command, in an event and in a read model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from functools import reduce
from typing import Annotated, Final

from msgspec import Meta

__all__ = [
    "ZERO",
    "Amount",
    "AmountOrZero",
    "Rate",
    "add",
    "daily_fee",
    "subtract",
    "to_decimal",
    "total",
]

MAX_WHOLE_DIGITS: Final = 20
MAX_DECIMALS: Final = 6
MAX_RATE_DECIMALS: Final = 12

ZERO: Final = Decimal(0)
CENT: Final = Decimal("0.01")

# Sixty digits hold the sum of 10^30 of the largest amounts, and the product of the largest value
# and the finest rate. Traps instead of silence: a sum that did not fit would be money made or lost.
_EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation, DivisionByZero])
_CENTS: Final = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero])

_PLAIN: Final = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?", re.ASCII)
# What nearly every amount is, in one look; the rest is looked at until it is clear what is wrong.
_AMOUNT: Final = re.compile(r"(?=.*[1-9])(?:0|[1-9][0-9]{0,19})(?:\.[0-9]{1,6})?", re.ASCII)
_SHOWN: Final = 60


def _digits(name: str, value: object, example: str) -> tuple[str, str]:
    """Return the digits before and after the point, or raise with a sentence."""
    if not isinstance(value, str):
        msg = (
            f"{name}: expected a decimal as a string, such as {example!r}; "
            f"got the {type(value).__name__} {_short(value)}"
        )
        raise ValueError(msg)
    match = _PLAIN.fullmatch(value)
    if match is None:
        msg = (
            f"{name}: expected plain digits with an optional point, such as {example!r} "
            f"(no sign, no exponent, no spaces, no NaN or Infinity); got {_short(value)}"
        )
        raise ValueError(msg)
    return match[1], match[2] or ""


def _short(value: object) -> str:
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]!r}... ({len(value)} characters)"
    return f"{value!r:.{_SHOWN}}"


def _limit(name: str, what: str, *, count: int, limit: int) -> None:
    if count > limit:
        msg = f"{name}: expected at most {limit} digits {what} the point; got {count}"
        raise ValueError(msg)


def check_amount_or_zero(name: str, value: object) -> None:
    """Check the form of an amount that may be zero.

    Raises:
        ValueError: with a sentence that names the field and what was expected.
    """
    whole, fraction = _digits(name, value, "12.50")
    _limit(name, "before", count=len(whole), limit=MAX_WHOLE_DIGITS)
    _limit(name, "after", count=len(fraction), limit=MAX_DECIMALS)


def check_amount(name: str, value: object) -> None:
    """Check the form of an amount that moves money: above zero.

    Raises:
        ValueError: with a sentence that names the field and what was expected.
    """
    check_amount_or_zero(name, value)
    if Decimal(str(value)) == 0:
        msg = f"{name}: expected an amount above zero; got {value!r}"
        raise ValueError(msg)


def check_rate(name: str, value: object) -> None:
    """Check a daily rate: from "0" to "1", with at most twelve decimals.

    Raises:
        ValueError: with a sentence that names the field and what was expected.
    """
    whole, fraction = _digits(name, value, "0.0005")
    _limit(name, "after", count=len(fraction), limit=MAX_RATE_DECIMALS)
    if whole not in {"0", "1"} or Decimal(str(value)) > 1:
        msg = f"{name}: expected a rate from 0 to 1, such as '0.0005' a day; got {_short(value)}"
        raise ValueError(msg)


Amount = Annotated[
    str,
    Meta(
        description="an amount above zero, as a string: '12.50'",
        extra={"check": check_amount, "pattern": _AMOUNT},
    ),
]
AmountOrZero = Annotated[
    str,
    Meta(
        description="an amount, zero or above, as a string: '12.50'",
        extra={"check": check_amount_or_zero},
    ),
]
Rate = Annotated[
    str,
    Meta(
        description="a rate from 0 to 1 a day, as a string: '0.0005'",
        extra={"check": check_rate},
    ),
]


def to_decimal(text: str) -> Decimal:
    """Return the exact value of a checked amount or rate."""
    return Decimal(text)


def add(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact sum.

    Raises:
        decimal.Inexact: it would need more than sixty digits; nothing is rounded away.
    """
    return _EXACT.add(left, right)


def subtract(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact difference.

    Raises:
        decimal.Inexact: it would need more than sixty digits; nothing is rounded away.
    """
    return _EXACT.subtract(left, right)


def total(amounts: Iterable[Decimal], before: Decimal = ZERO) -> Decimal:
    """Return the exact sum of all of them, on top of what was there before; zero of none."""
    return reduce(_EXACT.add, amounts, before)


def daily_fee(value: Decimal, rate: Decimal) -> Decimal:
    """Return value x rate, rounded to cents, a half to the even cent.

    Example:
        >>> daily_fee(Decimal("250.00"), Decimal("0.0001"))  # 0.025: to the even cent below
        Decimal('0.02')
    """
    return _CENTS.quantize(_EXACT.multiply(value, rate), CENT)
