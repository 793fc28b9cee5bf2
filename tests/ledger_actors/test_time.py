"""Time that goes wrong: set back, set forward, a year gone by. It is turned by hand."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ledger_actors import Ledger
from ledger_actors.demos.lending import FEE, cycled_dates, days_from, fees, lend
from supervision import ManualClock
from supervision.testing import wait_until

NOON_IN_LOS_ANGELES = 20  # o'clock UTC, in winter; in summer it is one in the afternoon
FIRST = date(2027, 10, 31)
A_YEAR = 366  # over both changes of the clocks and 29 February 2028
HOUR = 3600.0


def at_noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, NOON_IN_LOS_ANGELES, tzinfo=UTC)


def opened(folder: Path, clock: ManualClock, **settings: Any) -> Ledger:
    at_once = {"hydration_delay": 0, "hydration_delay_entropy": 0}
    on = {"enabled": True}
    return Ledger.open(folder, env="test", clock=clock, cycler=on, projector=at_once, **settings)


def cycled(ledger: Ledger, count: int) -> list[str]:
    """The first so many dates that were cycled; waits for them."""
    events = ledger.events(types="SystemCycled", follow=True, limit=count)
    return [event.data["new_date"] for event in events]


def text(days: Any) -> list[str]:
    return [day.isoformat() for day in days]


def test_after_a_year_asleep_every_date_and_every_late_fee_follows_once_in_order(
    tmp_path: Path,
) -> None:
    clock = ManualClock(at_noon(FIRST))
    with opened(tmp_path, clock) as ledger:
        assert cycled(ledger, 1) == [FIRST.isoformat()]
        (overdue,) = lend(ledger, products=1, due_on=FIRST - timedelta(days=1))
    clock.set_now(at_noon(FIRST + timedelta(days=A_YEAR)))
    with opened(tmp_path, clock) as ledger:
        days = text(days_from(FIRST, A_YEAR + 1))
        assert "2028-02-29" in days
        assert cycled(ledger, A_YEAR + 1) == days
        charged = ledger.events(types="LateFeeIncurred", follow=True, limit=A_YEAR)
        assert [event.data["charged_on"] for event in charged] == days[1:]
        assert cycled_dates(ledger) == days, "and no date more"
        assert fees(ledger) == Counter((overdue, day, FEE) for day in days[1:])
        assert ledger.verify().ok
        assert ledger.trial_balance().holds


def test_a_clock_that_is_set_back_changes_what_is_recorded_and_nothing_else(
    tmp_path: Path,
) -> None:
    """Order is that of the ids. `recorded_at` is what the clock said, and may go back."""
    clock = ManualClock(at_noon(FIRST))
    with opened(tmp_path, clock) as ledger:
        assert cycled(ledger, 1) == [FIRST.isoformat()]
        ledger.send("RegisterCompany", company_uuid="c", name="Acme")
        ledger.send("DepositToCompany", company_uuid="c", amount="1.00", command_id="one")
        clock.set_now(at_noon(FIRST - timedelta(days=400)))
        ledger.send("DepositToCompany", company_uuid="c", amount="2.00")
        again = ledger.send("DepositToCompany", company_uuid="c", amount="1.00", command_id="one")
        assert again.duplicate
        *_, before, last = ledger.events()
        assert (last.id, last.version) == (before.id + 1, before.version + 1)
        assert last.recorded_at < before.recorded_at
        assert ledger.state("company", "c", as_of=before.id).balance == "1.00"
        assert ledger.state("company", "c").balance == "3.00"
        assert ledger.verify().ok
    with opened(tmp_path, clock) as ledger:
        assert ledger.state("company", "c").balance == "3.00"
        assert cycled_dates(ledger) == [FIRST.isoformat()]


def test_what_waits_goes_by_time_that_has_passed_whatever_the_clock_shows(tmp_path: Path) -> None:
    clock = ManualClock(at_noon(FIRST))
    with opened(tmp_path, clock, aggregate={"idle_timeout": 60.0}) as ledger:
        cycled(ledger, 1)
        ledger.send("RegisterCompany", company_uuid="c", name="Acme")
        clock.set_now(at_noon(FIRST - timedelta(days=30)))
        assert ledger.actor("company", "c").info().status == "running"
        clock.advance(61.0)
        wait_until(lambda: ledger.actor("company", "c").info().status == "passive")


def test_a_clock_that_was_forward_for_a_while_cycles_no_date_twice(tmp_path: Path) -> None:
    """What was cycled too early stays so: it is in the books. Then the real date catches up."""
    clock = ManualClock(at_noon(FIRST))
    with opened(tmp_path, clock) as ledger:
        cycled(ledger, 1)
    clock.set_now(at_noon(FIRST + timedelta(days=10)))
    with opened(tmp_path, clock) as ledger:
        assert cycled(ledger, 11) == text(days_from(FIRST, 11))
    for after in (1, 9, 10, 11, 12):
        clock.set_now(at_noon(FIRST + timedelta(days=after)))
        with opened(tmp_path, clock) as ledger:
            expected = max(11, after + 1)
            assert cycled(ledger, expected) == text(days_from(FIRST, expected))
            assert len(cycled_dates(ledger)) == expected
