"""Story 3: an event out of sequence crashes a projector, which waits, catches up, goes on."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ledger_actors.demos.clock import StoryClock
from ledger_actors.demos.narrator import Narrator
from ledger_actors.demos.story import HYDRATION_DELAY, Stage, Story
from ledger_actors.demos.waiting import wait_until_settled
from ledger_actors.demos.watching import Sightings, watched
from ledger_actors.ledger_api import Ledger

PROJECTOR = "funding_accounts"
ACCOUNT = "acme-main"
DEPOSITS_BEFORE = 3
DEPOSITS_WHILE_IT_WAITS = 4
DEPOSITS_AFTER = 5


def tell(stage: Stage) -> None:
    """Show the projector an event from beyond the next one, and see what it does about it."""
    narrator = stage.narrator
    with watched(narrator) as sightings, stage.open(StoryClock()) as ledger:
        ledger.send("RegisterCompany", company_uuid="acme", name="Acme")
        ledger.send("OpenAccount", account_uuid=ACCOUNT, company_uuid="acme")
        _deposit(ledger, DEPOSITS_BEFORE)
        wait_until_settled(ledger)
        narrator.say(f"The projector {PROJECTOR} keeps a table of all accounts and balances.")
        narrator.show(repr(ledger.balance(ACCOUNT)))
        _show_it_the_future(narrator, ledger, sightings)
        _deposit(ledger, DEPOSITS_WHILE_IT_WAITS)
        narrator.say(f"{DEPOSITS_WHILE_IT_WAITS} more deposits come while it waits.")
        wait_until_settled(ledger)
        narrator.say("It has read from its position in the store: nothing is missing or double.")
        _deposit(ledger, DEPOSITS_AFTER)
        narrator.say(f"{DEPOSITS_AFTER} more come, and it follows again.")
        narrator.check("its crashes", expected=1, found=sightings.ends(PROJECTOR))
        _check(narrator, ledger)


def _show_it_the_future(narrator: Narrator, ledger: Ledger, sightings: Sightings) -> None:
    (last,) = ledger.events(after=ledger.status().head - 1)
    narrator.look(f"It stands at event {last.id}. It is now shown event {last.id + 2}.")
    ledger.actor(PROJECTOR).tell(msgspec.structs.replace(last, id=last.id + 2))
    sightings.wait_for_ends(PROJECTOR, 1)
    delay = HYDRATION_DELAY["hydration_delay"]
    narrator.say(f"It must not guess what it missed: it crashed. Its successor waits {delay} ms,")
    narrator.say("since the missing event may just not be visible yet.")


def _deposit(ledger: Ledger, times: int) -> None:
    for _ in range(times):
        ledger.send("DepositToAccount", account_uuid=ACCOUNT, amount="10.00")


def _check(narrator: Narrator, ledger: Ledger) -> None:
    """The table against the sum of the store's events; a look at it waits until it is current."""
    events = ledger.events(stream=f"account-{ACCOUNT}", types="AccountCredited")
    amounts = [Decimal(event.data["amount"]) for event in events]
    row = ledger.balance(ACCOUNT)
    narrator.check("balance in the table", expected=sum(amounts), found=Decimal(row.balance))
    narrator.check("entries in the table", expected=len(amounts), found=row.entries)
    deposits = DEPOSITS_BEFORE + DEPOSITS_WHILE_IT_WAITS + DEPOSITS_AFTER
    narrator.check("deposits in the store", expected=deposits, found=len(amounts))


STORY = Story("missed-event", "An event out of sequence crashes a projector", tell)
