"""What the bank itself says each account held at the end of its year: read from its own column.

Each row of the statement has the balance after it, but within a day the rows are not in the order
in which the bank booked them. So a day is a puzzle: each row leads from its balance less its amount
to its balance, and they fit together, in some order, into a chain that begins where the day before
ended. The last link of the last day is the recorded closing balance. Recorded balances are rounded,
so links fit within `TOLERANCE`; where several orders fit, all the ends are kept, and the year's
last day must leave one.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path

DATA = Path(__file__).parents[3] / "shared" / "data" / "bank-1993"
TOLERANCE = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the statement: what it moved, signed, and the recorded balance after it."""

    day: str
    amount: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Closing:
    """An account's recorded balance at the end, and how many rows led there."""

    balance: Decimal
    rows: int

    def agrees_with(self, balance: Decimal) -> bool:
        """Whether a computed balance is within the bank's own rounding."""
        return abs(self.balance - balance) <= TOLERANCE * self.rows


def recorded_closings(folder: Path) -> dict[str, Closing]:
    """Every account's closing balance as the bank recorded it, by account_id."""
    return {
        account: Closing(_closing_balance(account, rows), len(rows))
        for account, rows in _rows(folder / "trans.csv").items()
    }


def _rows(file: Path) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    with file.open(encoding="ascii", newline="") as opened:
        for row in csv.DictReader(opened, delimiter=";"):
            amount = Decimal(row["amount"])
            signed = amount if row["type"] == "PRIJEM" else -amount
            found[row["account_id"]].append(Row(row["date"], signed, Decimal(row["balance"])))
    return found


def _closing_balance(account: str, rows: Sequence[Row]) -> Decimal:
    ends = {Decimal(0)}
    for day, of_day in groupby(sorted(rows, key=lambda row: row.day), key=lambda row: row.day):
        of_day_rows = tuple(of_day)
        ends = {end for start in ends for end in _ends_of_chains(start, of_day_rows)}
        assert ends, f"account {account}: no order of the rows of {day} fits"
    (end,) = ends
    return end


def _ends_of_chains(start: Decimal, rows: Sequence[Row]) -> set[Decimal]:
    """Where every chain that uses each row once may end."""
    if not rows:
        return {start}
    return {
        end
        for at, row in enumerate(rows)
        if abs(start + row.amount - row.balance) <= TOLERANCE
        for end in _ends_of_chains(row.balance, (*rows[:at], *rows[at + 1 :]))
    }
