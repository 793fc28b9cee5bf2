"""Clients in a simulation: they send what the torture's do, and write down what they are told.

A client outlives the program that it talks to: what was under way when that was killed is sent
again, under the same id, to the next one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from ledger_actors import Ledger
from ledger_actors.daemon.errors import LedgerError
from ledger_actors.daemon.protocol import CommandAnswer
from tests.simulation.fibers import SimulationError
from tests.simulation.scheduler import Scheduler
from tests.torture.clients import SURE, as_it_came
from tests.torture.evidence import Ack, BrokenOff, Intent, Record, Refused
from tests.torture.workload import Workload

__all__ = ["Client", "is_crowded"]

TRIES = 40
"""So often a command is sent again before that it has no answer is what is wrong."""

HOURS = 9.0
"""Simulated hours that a client rests at most, where it does."""

WINDOW = 8
COMMANDS, MORE_COMMANDS = 10, 20

HOT = (0.0, 0.5, 0.8)
"""How much of all is about the first of its kind, so that commands meet; a seed has one of them."""

CROWDED = 0.95
"""And how much of it is in a seed that is crowded."""


def is_crowded(seed: int) -> bool:
    """Whether under a seed all clients send without waiting, and nearly all to the same few."""
    return random.Random(f"{seed}:crowd").random() < 0.25


class Meeting(Workload):
    """The torture's commands, a part of them about the same company, asset, account and product.

    Those move money into and out of the company by every way that there is. Together they want more
    than it has, and what a grant takes from the asset is what the company did not have.
    """

    def __init__(self, name: str, seed: int) -> None:
        super().__init__(name, seed)
        few = random.Random(f"{seed}:hot").choice(HOT)
        self._hot = CROWDED if is_crowded(seed) else few

    def _is_hot(self) -> bool:
        return self._chance.random() < self._hot

    def _some(self, kind: str) -> str:
        return f"{kind}-0" if self._is_hot() else super()._some(kind)

    def _moved(self, verb: str) -> tuple[str, dict[str, Any]]:
        if not self._is_hot():
            return super()._moved(verb)
        return f"{verb}Company", {"company_uuid": "c-0", "amount": self._amount()}

    def _grant(self) -> tuple[str, dict[str, Any]]:
        kind, data = super()._grant()
        if self._is_hot():
            data["sources"] = [
                {"from_type": "company", "from_uuid": "c-0"},
                {"from_type": "asset", "from_uuid": "s-0"},
            ]
        return kind, data

    def _payment(self) -> tuple[str, dict[str, Any]]:
        kind, data = super()._payment()
        if self._is_hot():
            data |= {"from_type": "company", "from_uuid": "c-0"}
        return kind, data


class Client:
    """One client with some commands to send. `pipelined`: it waits for no answer to go on."""

    def __init__(
        self,
        name: str,
        seed: int,
        record: Record,
        *,
        told: Callable[[Ack], None],
        pipelined: bool,
    ) -> None:
        self.name = name
        self._workload = Meeting(name, seed)
        self._record = record
        self._told = told
        self._left = MORE_COMMANDS if is_crowded(seed) else COMMANDS
        self._pipelined = pipelined or is_crowded(seed)
        self._chance = random.Random(f"{seed}:{name}:client")
        self._rests = self._chance.choice((0.0, 0.1, 0.4))
        self._unanswered: list[Intent] = []
        self._acknowledged: list[Intent] = []

    def run(self, ledger: Ledger, scheduler: Scheduler) -> None:
        """Send what is left; in a fiber."""
        self._again(ledger, scheduler)
        if self._pipelined:
            self._send_in_a_pipeline(ledger)
            self._again(ledger, scheduler)
        for intent in self._commands():
            self._send(ledger, intent)
            self._unanswered.remove(intent)
            if self._chance.random() < self._rests:
                scheduler.wait(None, self._chance.random() * HOURS * 3600)
        for intent in self._chance.sample(self._acknowledged, min(2, len(self._acknowledged))):
            self._send(ledger, intent)

    def _commands(self) -> Iterator[Intent]:
        while self._left:
            self._left -= 1
            intent = self._workload.next()
            self._unanswered.append(intent)
            yield intent

    def _again(self, ledger: Ledger, scheduler: Scheduler) -> None:
        while self._unanswered:
            self._send(ledger, self._unanswered[0])
            self._unanswered.pop(0)

    def _send(self, ledger: Ledger, intent: Intent) -> None:
        for _ in range(TRIES):
            self._record.take(intent)
            try:
                events = ledger.send(intent.type, command_id=intent.id, **intent.data)
            except SURE as refusal:
                self._record.take(Refused(intent.id, refusal.code))
                return
            except LedgerError as gone:
                self._record.take(BrokenOff(intent.id, repr(gone)))
            else:
                self._acknowledge(intent, Ack(intent.id, events.duplicate, _events(events)))
                return
        raise SimulationError(f"{intent} has no answer after {TRIES} tries")

    def _send_in_a_pipeline(self, ledger: Ledger) -> None:
        sent: list[Intent] = []

        def commands() -> Iterator[dict[str, Any]]:
            for intent in self._commands():
                self._record.take(intent)
                sent.append(intent)
                yield {"type": intent.type, "command_id": intent.id, "data": intent.data}

        for outcome in ledger.send_many(commands(), window=WINDOW):
            intent = sent.pop(0)
            if isinstance(outcome, CommandAnswer):
                told = Ack(intent.id, outcome.duplicate, _events(outcome.events))
                self._acknowledge(intent, told)
            elif isinstance(outcome, SURE):
                self._record.take(Refused(intent.id, outcome.code))
            else:
                continue  # nobody knows: it stays among the unanswered
            self._unanswered.remove(intent)

    def _acknowledge(self, intent: Intent, ack: Ack) -> None:
        self._record.take(ack)
        self._acknowledged.append(intent)
        self._told(ack)


def _events(records: Any) -> tuple[Any, ...]:
    return tuple(map(as_it_came, records))
