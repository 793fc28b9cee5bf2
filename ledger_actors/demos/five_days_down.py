"""Story 6: the daemon was down for five days; every missed date is cycled once, in order."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from ledger_actors.demos.clock import STORY_BEGINS, StoryClock
from ledger_actors.demos.lending import FEE, cycled_dates, days_from, fees, lend
from ledger_actors.demos.narrator import Narrator
from ledger_actors.demos.story import Stage, Story
from ledger_actors.demos.waiting import wait_for_business_date
from ledger_actors.ledger_api import Ledger

PRODUCTS = 3
DAYS_DOWN = 5
MONDAY = STORY_BEGINS.date()
CYCLER_ON = {"enabled": True}


def tell(stage: Stage) -> None:
    """Stop it on a Monday, and start it again on Saturday."""
    narrator, clock = stage.narrator, StoryClock()
    saturday = MONDAY + timedelta(days=DAYS_DOWN)
    with stage.open(clock, cycler=CYCLER_ON) as ledger:
        narrator.say(f"It is Monday, {MONDAY}. The daily cycler cycles the business date.")
        wait_for_business_date(ledger, MONDAY)
        overdue = lend(ledger, products=PRODUCTS, due_on=MONDAY - timedelta(days=1))
        narrator.say(f"{PRODUCTS} products are overdue since yesterday; a day costs {FEE} on each.")
    narrator.say(f"The ledger is stopped, and stays so for {DAYS_DOWN} days.")
    clock.turn(days=DAYS_DOWN)
    narrator.say(f"It is {saturday}, and it is started again.")
    with stage.open(clock, cycler=CYCLER_ON) as ledger:
        wait_for_business_date(ledger, saturday)
        narrator.look("Each date comes by itself, and its late fees are those of that date:")
        _show(narrator, ledger)
        _check(narrator, ledger, overdue)


def _show(narrator: Narrator, ledger: Ledger) -> None:
    for event in ledger.events(types=("SystemCycled", "LateFeeIncurred")):
        told = event.data
        when = told.get("new_date") or told["charged_on"]
        fee = f"  {told['amount']} on {told['product_uuid']}" if "amount" in told else ""
        narrator.show(f"#{event.id:<3} {event.type:<15}  {when}{fee}")


def _check(narrator: Narrator, ledger: Ledger, overdue: tuple[str, ...]) -> None:
    dates = [day.isoformat() for day in days_from(MONDAY, DAYS_DOWN + 1)]
    narrator.check("dates cycled, in order", expected=dates, found=cycled_dates(ledger))
    each_once = Counter((product, day, FEE) for product in overdue for day in dates[1:])
    charged = fees(ledger)
    narrator.check("late fees", expected=len(each_once), found=charged.total())
    narrator.check(
        "each product, each missed date, once", expected=True, found=charged == each_once
    )


STORY = Story("five-days", "The daemon was down for five days", tell)
