"""Waiting for what a story has set going: until everybody has seen everything."""

from __future__ import annotations

from datetime import date

from ledger_actors.ledger_api import Ledger
from supervision.testing import HANG, wait_until


def wait_for_business_date(ledger: Ledger, day: date) -> None:
    """Wait until `day` is cycled and all consumers have handled its events.

    Raises TimeoutError when that does not come about.
    """
    wait_until(
        lambda: ledger.status().business_date == day.isoformat(), what=f"business date {day}"
    )
    wait_until_settled(ledger)


def wait_until_settled(ledger: Ledger, *, timeout: float = HANG) -> None:
    """Wait until every consumer is alive and has handled the last event.

    A process manager adds events while it catches up; it is settled when it has handled those too.
    Raises TimeoutError when that does not come about in `timeout` seconds.
    """
    wait_until(lambda: _settled(ledger), timeout=timeout, what="the consumers to catch up")


def _settled(ledger: Ledger) -> bool:
    return all(one.alive and one.lag == 0 for one in ledger.status().consumers)
