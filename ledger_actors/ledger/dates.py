"""Dates: of entries, due dates, and business dates."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final

from msgspec import Meta

__all__ = ["CalendarDate"]

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2999


def check_date(name: str, value: object) -> None:
    """Check a date: a `datetime.date` of the years 1900 to 2999.

    Raises:
        ValueError: with a sentence that names the field and what was expected.
    """
    if not isinstance(value, date) or isinstance(value, datetime):
        msg = f"{name}: expected a date, such as datetime.date(1993, 1, 31); got {value!r:.60}"
        raise ValueError(msg)
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        msg = f"{name}: expected a date in the years {FIRST_YEAR} to {LAST_YEAR}; got {value}"
        raise ValueError(msg)


CalendarDate = Annotated[
    date,
    Meta(description="a date: '1993-01-31'", extra={"check": check_date}),
]
