"""Story 4: a child that keeps crashing exceeds its supervisor's intensity; it goes up the tree."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from ledger_actors.daemon.errors import LedgerError
from ledger_actors.demos.clock import StoryClock
from ledger_actors.demos.narrator import Narrator
from ledger_actors.demos.story import Stage, Story
from ledger_actors.demos.waiting import wait_until_settled
from ledger_actors.demos.watching import ROOT, Sightings, watched
from ledger_actors.ledger_api import Ledger
from supervision.testing import wait_until

MAX_RESTARTS = 2
INTENSITY = {"max_restarts": MAX_RESTARTS, "max_seconds": 60.0}
QUICK = {"hydration_delay": 20, "hydration_delay_entropy": 0}
CHILD = "trial_balance"
AMOUNT = "100.00"


def tell(stage: Stage) -> None:
    """Crash a projector until its supervisor gives up, and on until the root does."""
    narrator = stage.narrator
    with watched(narrator) as sightings:
        _crash_all_the_way_up(stage, sightings)
        _check_escalation(narrator, sightings)
    narrator.say("A service manager would see the exit status and start the daemon again.")
    with stage.open(StoryClock()) as ledger:
        _check_nothing_lost(narrator, ledger)


def _crash_all_the_way_up(stage: Stage, sightings: Sightings) -> None:
    narrator = stage.narrator
    with stage.open(StoryClock(), supervision=INTENSITY, projector=QUICK) as ledger:
        ledger.send("RegisterCompany", company_uuid="acme", name="Acme")
        ledger.send("DepositToCompany", company_uuid="acme", amount=AMOUNT)
        wait_until_settled(ledger)
        narrator.look("The tree, and who stands above whom:")
        narrator.show(ledger.tree().text)
        narrator.say(f"Every supervisor allows {MAX_RESTARTS} restarts a minute.")
        narrator.say(f"Now the projector {CHILD} crashes, time after time:")
        _crash_until(ledger, sightings, gave_up=1)
        wait_until_settled(ledger)
        narrator.look("Its supervisor gave up, and the root restarted that, with all behind it:")
        narrator.show(ledger.tree().text)
        narrator.say("It goes on crashing, and the root has counted one restart:")
        _crash_until(ledger, sightings, gave_up=MAX_RESTARTS + 2)


def _crash_until(ledger: Ledger, sightings: Sightings, *, gave_up: int) -> None:
    """Crash it, wait for its end, and again, until so many supervisors gave up."""

    def over() -> bool:
        return len(sightings.gave_up) >= gave_up

    def ended_since(before: int) -> bool:
        return over() or sightings.ends(CHILD) > before

    while not over():
        before = sightings.ends(CHILD)
        wait_until(lambda: over() or _crash(ledger))
        wait_until(partial(ended_since, before))


def _crash(ledger: Ledger) -> bool:
    """Make it crash, if it is there just now."""
    try:
        ledger.actor(CHILD).crash("demo: again")
    except LedgerError:  # it is being restarted, or the tree has ended
        return False
    return True


def _check_escalation(narrator: Narrator, sightings: Sightings) -> None:
    branch, *others = sightings.gave_up
    narrator.look(f"Who gave up, in order: {', '.join(sightings.gave_up)}.")
    expected = [branch] * MAX_RESTARTS
    narrator.check(
        "the same branch gave up as often as the root allows, and once more",
        expected=expected,
        found=others[:-1],
    )
    narrator.check("and then", expected=ROOT, found=others[-1])
    most = (MAX_RESTARTS + 1) ** 2
    narrator.check("crashes until then", expected=most, found=sightings.ends(CHILD))


def _check_nothing_lost(narrator: Narrator, ledger: Ledger) -> None:
    state = ledger.state("company", "acme")
    narrator.check("the company's balance", expected=Decimal(AMOUNT), found=Decimal(state.balance))
    trial = ledger.trial_balance()
    narrator.check("the trial balance holds", expected=True, found=trial.holds)
    narrator.check("money in it", expected=Decimal(AMOUNT), found=Decimal(trial.money))
    narrator.check("the hash chain holds", expected=True, found=ledger.verify().ok)


STORY = Story("escalation", "A child keeps crashing, and the escalation goes up the tree", tell)
