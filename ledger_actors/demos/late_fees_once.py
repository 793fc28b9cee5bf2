"""Story 2: the late-fee process manager crashes in a day's cycle; each product is charged once.

A cycle is two steps: `SystemCycled` is recorded, and then the process manager reacts with one
`LateFeeIncurred` for each overdue product. The crashes are put between the two.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from ledger_actors.demos.clock import STORY_BEGINS, StoryClock
from ledger_actors.demos.lending import FEE, cycled_dates, days_from, fees, lend
from ledger_actors.demos.narrator import Narrator
from ledger_actors.demos.story import Stage, Story
from ledger_actors.demos.waiting import wait_until_settled
from ledger_actors.demos.watching import Sightings, watched
from ledger_actors.ledger_api import Ledger

PRODUCTS = 5
MONDAY = STORY_BEGINS.date()
DAYS = 3
PROCESS_MANAGER = "late_fees"
READ_MODEL = "outstanding_products"


def tell(stage: Stage) -> None:
    """Three days, with a kill in the first, a crash in the second, and peace in the third."""
    narrator, clock = stage.narrator, StoryClock()
    monday, tuesday, wednesday = days_from(MONDAY, DAYS)
    with watched(narrator) as sightings, stage.open(clock) as ledger:
        overdue = lend(ledger, products=PRODUCTS, due_on=MONDAY - timedelta(days=1))
        narrator.say(f"{PRODUCTS} products are overdue. A day costs {FEE} on each.")
        wait_until_settled(ledger)
        _killed_while_it_waits(narrator, ledger, sightings, clock, monday)
        _down_when_the_day_is_cycled(narrator, ledger, sightings, clock, tuesday)
        narrator.say(f"{wednesday}: nothing crashes.")
        _cycle(ledger, wednesday)
        wait_until_settled(ledger)
        crashes = sightings.ends(PROCESS_MANAGER)
        narrator.check("the process manager was killed or crashed", expected=2, found=crashes)
        _check(narrator, ledger, overdue)


def _killed_while_it_waits(
    narrator: Narrator, ledger: Ledger, sightings: Sightings, clock: StoryClock, day: date
) -> None:
    """It reads the products from a read model, which is down for as long as the clock is held."""
    with clock.held():
        narrator.say(f"{day}: the read model that it reads goes down, so that it has to wait ...")
        ledger.actor(READ_MODEL).kill()
        sightings.wait_for_ends(READ_MODEL, 1)
        _cycle(ledger, day)
        narrator.say("... SystemCycled is recorded, and it waits before it can charge anything.")
        narrator.look("Now it is killed, between the two.")
        ledger.actor(PROCESS_MANAGER).kill()
        sightings.wait_for_ends(PROCESS_MANAGER, 1)
        narrator.check(f"fees of {day} when it was killed", expected=0, found=_charged(ledger, day))
    wait_until_settled(ledger)
    narrator.look(f"It came back and found its position before the event: {_told(ledger)}")


def _down_when_the_day_is_cycled(
    narrator: Narrator, ledger: Ledger, sightings: Sightings, clock: StoryClock, day: date
) -> None:
    with clock.held():
        narrator.say(f"{day}: it crashes, and the day is cycled while it is down.")
        ledger.actor(PROCESS_MANAGER).crash("demo: crash before the event")
        sightings.wait_for_ends(PROCESS_MANAGER, 2)
        _cycle(ledger, day)
        narrator.check(f"fees of {day} while it is down", expected=0, found=_charged(ledger, day))
    wait_until_settled(ledger)
    narrator.look(f"Nobody sent it the event again; it reads the store itself: {_told(ledger)}")


def _cycle(ledger: Ledger, day: date) -> None:
    ledger.send("CycleSystem", new_date=day.isoformat())


def _told(ledger: Ledger) -> str:
    dates = len(cycled_dates(ledger))
    return f"{fees(ledger).total()} fees for {dates} date{'' if dates == 1 else 's'}"


def _charged(ledger: Ledger, day: date) -> int:
    return sum(times for (_, on, _), times in fees(ledger).items() if on == day.isoformat())


def _check(narrator: Narrator, ledger: Ledger, overdue: tuple[str, ...]) -> None:
    dates = [day.isoformat() for day in days_from(MONDAY, DAYS)]
    narrator.check("dates cycled", expected=dates, found=cycled_dates(ledger))
    each_once = Counter((product, day, FEE) for product in overdue for day in dates)
    charged = fees(ledger)
    narrator.check("late fees", expected=len(each_once), found=charged.total())
    narrator.check("each product, each date, once", expected=True, found=charged == each_once)


STORY = Story("late-fees", "The process manager crashes in the middle of a day's cycle", tell)
