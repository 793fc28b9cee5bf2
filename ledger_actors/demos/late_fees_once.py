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
    narrator = stage.narrator
    monday, tuesday, wednesday = days_from(MONDAY, DAYS)
    with watched(narrator) as sightings, stage.open(StoryClock()) as ledger:
        overdue = lend(ledger, products=PRODUCTS, due_on=MONDAY - timedelta(days=1))
        narrator.say(f"{PRODUCTS} products are overdue. A day costs {FEE} on each.")
        wait_until_settled(ledger)
        _killed_while_it_waits(narrator, ledger, sightings, monday)
        _crashed_with_the_event_in_its_mailbox(narrator, ledger, tuesday)
        narrator.say(f"{wednesday}: nothing crashes.")
        _cycle(ledger, wednesday)
        wait_until_settled(ledger)
        crashes = sightings.ends(PROCESS_MANAGER)
        narrator.check("the process manager was killed or crashed", expected=2, found=crashes)
        _check(narrator, ledger, overdue)


def _killed_while_it_waits(
    narrator: Narrator, ledger: Ledger, sightings: Sightings, day: date
) -> None:
    """It reads the products from a read model whose projector is made to be late."""
    narrator.say(f"{day}: the read model that it reads goes down, so that it has to wait ...")
    ledger.actor(READ_MODEL).kill()
    sightings.wait_for_ends(READ_MODEL, 1)
    _cycle(ledger, day)
    narrator.say("... SystemCycled is recorded, and the process manager waits in the middle of it.")
    narrator.look(f"fees so far: {fees(ledger).total()}. Now it is killed.")
    ledger.actor(PROCESS_MANAGER).kill()
    sightings.wait_for_ends(PROCESS_MANAGER, 1)
    wait_until_settled(ledger)
    narrator.look(
        f"It came back, found its position before the event, and charged: {_told(ledger)}"
    )


def _crashed_with_the_event_in_its_mailbox(narrator: Narrator, ledger: Ledger, day: date) -> None:
    narrator.say(f"{day}: it crashes with SystemCycled waiting in its mailbox.")
    ledger.actor(PROCESS_MANAGER).crash("demo: crash before the event")
    _cycle(ledger, day)
    wait_until_settled(ledger)
    narrator.look(f"The mailbox was lost and the event was not: {_told(ledger)}")


def _cycle(ledger: Ledger, day: date) -> None:
    ledger.send("CycleSystem", new_date=day.isoformat())


def _told(ledger: Ledger) -> str:
    return f"{fees(ledger).total()} fees over {len(cycled_dates(ledger))} dates"


def _check(narrator: Narrator, ledger: Ledger, overdue: tuple[str, ...]) -> None:
    dates = [day.isoformat() for day in days_from(MONDAY, DAYS)]
    narrator.check("dates cycled", expected=dates, found=cycled_dates(ledger))
    each_once = Counter((product, day, FEE) for product in overdue for day in dates)
    charged = fees(ledger)
    narrator.check("late fees", expected=len(each_once), found=charged.total())
    narrator.check("each product, each date, once", expected=True, found=charged == each_once)


STORY = Story("late-fees", "The process manager crashes in the middle of a day's cycle", tell)
