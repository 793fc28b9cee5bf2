"""Story 1: an aggregate crashes in the middle of commands; the balance is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ledger_actors.daemon.errors import ActorMissing
from ledger_actors.daemon.protocol import CommandAnswer
from ledger_actors.demos.clock import StoryClock
from ledger_actors.demos.story import Stage, Story
from ledger_actors.demos.watching import watched
from ledger_actors.ledger_api import Ledger

ACCOUNT = "acme-main"
DEPOSITS = 1_000
A_CRASH_EVERY = 250


def tell(stage: Stage) -> None:
    """Crash the account's actor while a pipeline of deposits goes through it."""
    narrator = stage.narrator
    with watched(narrator) as sightings, stage.open(StoryClock()) as ledger:
        narrator.say(f"The company acme opens the account {ACCOUNT}. An actor of its own keeps it.")
        ledger.send("RegisterCompany", company_uuid="acme", name="Acme")
        ledger.send("OpenAccount", account_uuid=ACCOUNT, company_uuid="acme")
        narrator.say(f"{DEPOSITS:,} deposits of 1.00 go to it, 64 of them under way at any time.")
        narrator.say(f"After every {A_CRASH_EVERY} answers the actor is made to crash.")
        acknowledged = _deposit_and_crash(ledger)
        narrator.look("Nobody restarted it by hand: the next command started it again, and it read")
        narrator.look("its events before it took the command. Its state now:")
        narrator.show(repr(ledger.state("account", ACCOUNT)))
        narrator.check("the actor did crash", expected=True, found=sightings.ends(ACCOUNT) > 0)
        narrator.check("deposits acknowledged", expected=DEPOSITS, found=acknowledged)
        _check(stage, ledger)


def _deposit_and_crash(ledger: Ledger) -> int:
    acknowledged = 0
    for at, outcome in enumerate(ledger.send_many(_deposits(), window=64), start=1):
        acknowledged += isinstance(outcome, CommandAnswer)
        if at % A_CRASH_EVERY == 0 and at < DEPOSITS:
            _crash(ledger, f"demo: crash {at // A_CRASH_EVERY}")
    return acknowledged


def _crash(ledger: Ledger, why: str) -> None:
    try:
        ledger.actor("account", ACCOUNT).crash(why)
    except ActorMissing:  # it is just ending from the crash before
        ledger.state("account", ACCOUNT)
        ledger.actor("account", ACCOUNT).crash(why)


def _check(stage: Stage, ledger: Ledger) -> None:
    """What the store has, added up; and what the actor and the read model say."""
    events = list(ledger.events(stream=f"account-{ACCOUNT}", types="AccountCredited"))
    stored = sum((Decimal(event.data["amount"]) for event in events), Decimal(0))
    once = Counter(event.command_id for event in events)
    check = stage.narrator.check
    check("balance by the store's events", expected=Decimal(DEPOSITS), found=stored)
    check("commands in the store twice", expected=0, found=len(events) - len(once))
    state = ledger.state("account", ACCOUNT)
    check("balance by the actor", expected=stored, found=Decimal(state.balance))
    row = ledger.balance(ACCOUNT)
    check("balance by the read model", expected=stored, found=Decimal(row.balance))


def _deposits() -> Iterator[dict[str, Any]]:
    for number in range(DEPOSITS):
        yield {
            "type": "DepositToAccount",
            "command_id": f"demo:deposit:{number}",
            "data": {"account_uuid": ACCOUNT, "amount": "1.00"},
        }


STORY = Story("crash", "An aggregate crashes in the middle of commands", tell)
