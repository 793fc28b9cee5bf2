"""Story 5: the daemon is killed with -9 under load; what it acknowledged is there."""

from __future__ import annotations

import threading
from collections import Counter
from itertools import count
from typing import Any

from ledger_actors.daemon.errors import LedgerUnavailable
from ledger_actors.daemon.protocol import CommandAnswer
from ledger_actors.demos.daemon_process import DaemonProcess
from ledger_actors.demos.narrator import Narrator
from ledger_actors.demos.story import Stage, Story
from ledger_actors.ledger_api import Ledger, connect

ACCOUNTS = 20
ANSWERS_BEFORE_THE_KILL = 2_000
WINDOW = 500
QUICK = {"LEDGER_ENV": "test", "PROJECTOR_HYDRATION_DELAY": "50"}


def tell(stage: Stage) -> None:
    """Kill it, start it again, and compare what was acknowledged with what is in the store."""
    narrator, data = stage.narrator, stage.folder / "data"
    narrator.say("A daemon in a process of its own, on a folder of its own.")
    with DaemonProcess(data, **QUICK) as daemon, connect(data) as ledger:
        _open_accounts(ledger)
        narrator.say(f"Deposits of 1.00 to {ACCOUNTS} accounts, {WINDOW} under way at any time ...")
        sent, acknowledged = _send_until_killed(ledger, daemon)
    narrator.say(f"... and kill -9 after {ANSWERS_BEFORE_THE_KILL:,} answers. No goodbye.")
    narrator.look(
        f"{sent:,} were sent and {len(acknowledged):,} acknowledged; of the others nobody knows."
    )
    narrator.say("The daemon is started again on the same folder.")
    with DaemonProcess(data, **QUICK), connect(data) as ledger:
        there = {event.command_id for event in ledger.events(types="AccountCredited")}
        narrator.look(
            f"Of the {sent - len(acknowledged):,}, the disk has {len(there - acknowledged)}."
        )
        _check_nothing_lost(narrator, ledger, acknowledged - there)
        narrator.say("The client sends everything again, under the same command ids.")
        _send_again(ledger, sent)
        _check_nothing_doubled(narrator, ledger, sent)


def _open_accounts(ledger: Ledger) -> None:
    ledger.send("RegisterCompany", company_uuid="acme", name="Acme")
    for number in range(ACCOUNTS):
        ledger.send("OpenAccount", account_uuid=_account(number), company_uuid="acme")


def _send_until_killed(ledger: Ledger, daemon: DaemonProcess) -> tuple[int, set[str]]:
    sent = count()
    acknowledged: set[str] = set()
    killer = threading.Thread(target=daemon.kill_9, name="kill -9")
    try:
        for at, outcome in enumerate(ledger.send_many(map(_deposit, sent), window=WINDOW)):
            if isinstance(outcome, CommandAnswer):
                acknowledged.add(_command_id(at))
            if len(acknowledged) == ANSWERS_BEFORE_THE_KILL and not killer.ident:
                killer.start()
    except LedgerUnavailable:
        killer.join()
    return next(sent), acknowledged


def _check_nothing_lost(narrator: Narrator, ledger: Ledger, lost: set[str]) -> None:
    narrator.check("acknowledged commands that are not in the store", expected=0, found=len(lost))
    report = ledger.verify()
    narrator.check("the hash chain holds", expected=True, found=report.ok)


def _send_again(ledger: Ledger, sent: int) -> None:
    for outcome in ledger.send_many(map(_deposit, range(sent)), window=WINDOW):
        if not isinstance(outcome, CommandAnswer):
            raise outcome


def _check_nothing_doubled(narrator: Narrator, ledger: Ledger, sent: int) -> None:
    events = Counter(event.command_id for event in ledger.events(types="AccountCredited"))
    narrator.check("commands in the store", expected=sent, found=len(events))
    narrator.check("most events that one command has", expected=1, found=max(events.values()))


def _deposit(number: int) -> dict[str, Any]:
    return {
        "type": "DepositToAccount",
        "command_id": _command_id(number),
        "data": {"account_uuid": _account(number % ACCOUNTS), "amount": "1.00"},
    }


def _command_id(number: int) -> str:
    return f"demo:deposit:{number}"


def _account(number: int) -> str:
    return f"acme-{number}"


STORY = Story("kill-9", "The daemon is killed with -9 under load", tell)
