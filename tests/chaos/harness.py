"""Chaos in the tree: under load, every node is killed, crashed, hung and slowed, over and over.

After each hit it is measured how long it takes until the node answers again, and until a command is
acknowledged again. At the end all that always holds is looked at.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

from ledger_actors import Ledger
from ledger_actors.application import Application
from ledger_actors.daemon.local import LocalConnection
from ledger_actors.demos.waiting import wait_until_settled
from ledger_actors.settings import load_settings
from supervision import ExitReason, Ref, telemetry
from supervision.administration import terminate_child
from supervision.clock import SystemClock
from supervision.testing import wait_until
from tests.chaos.faults import HANGS_SECONDS, Fault, Hangs, Hydrations, InjectedCrash
from tests.chaos.load import Load
from tests.chaos.nodes import ROOT, Node, nodes
from tests.chaos.report import Hit, Report
from tests.simulation.evidence import of_the_cycler
from tests.simulation.invariants import at_the_end
from tests.torture.evidence import Evidence, Intent, read_events
from tests.torture.harness import balances
from tests.torture.workload import FIRST_DAY, opening

__all__ = ["Chaos"]

NOON = time_of_day(20)
"""Noon in Los Angeles, in UTC."""

BACK_SECONDS = 30.0
"""What has not come back by then does not come back."""

CLIENTS = 4
SETTINGS: dict[str, Any] = {
    "aggregate": {"snapshot_every": 4},
    "projector": {"own_process_from": 1},
    "cycler": {"enabled": True, "interval": 0.5},
    "supervision": {"max_restarts": 1_000_000, "max_seconds": 1.0},
    "shutdown": {"child_timeout": 2.0, "kill_grace": 0.5},
}
DAY_SECONDS = 4.0
"""Real seconds that a day takes; all else has the machine's time."""


class QuickDays(SystemClock):
    """The machine's clock, but for the time of day, which begins at the first day and hurries."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> datetime:
        """Return the time of day."""
        days = (time.monotonic() - self._began) / DAY_SECONDS
        return datetime.combine(FIRST_DAY, NOON, UTC) + timedelta(days=days)


class Chaos:
    """One run in an empty folder."""

    def __init__(self, folder: Path, *, seed: int, say: Callable[[str], None]) -> None:
        self._data = folder / "data"
        self._say = say
        self._chance = random.Random(f"{seed}:chaos")
        self._settings = load_settings(env="test", data=self._data, **SETTINGS)
        self._clock = QuickDays()
        self._hangs = Hangs()
        self._hydrations = Hydrations(random.Random(f"{seed}:slow"))
        self._canaries = 0
        self._why = "nobody was looked for"
        self._reason: ExitReason | None = None
        self._report = Report(seed)
        self._load = Load(CLIENTS, seed, lambda: self._ledger)

    def run(self, seconds: float) -> Report:
        """Hit nodes for so long; return what was found. Ends at the first thing that is wrong."""
        began, restarts = time.monotonic(), telemetry.counts().restarts
        with self._hydrations.in_place():
            self._open()
            try:
                for intent in opening():
                    self._load.send(intent)
                self._load.start()
                self._hit_until(began + seconds)
                self._load.stop()
                self._report.restarts = telemetry.counts().restarts - restarts
                states = self._settled()
            finally:
                self._load.over.set()
                self._hangs.let_go()
                self._application.stop()
        self._check(states)
        self._report.seconds = time.monotonic() - began
        return self._report

    # -- hitting -----------------------------------------------------------------------------------

    def _hit_until(self, end: float) -> None:
        """Each node in turn, in an order that is shuffled, with any of the faults."""
        while True:
            names = [node.name for node in nodes(self._application)]
            for name in self._chance.sample(names, len(names)):
                if time.monotonic() > end or self._report.wrong:
                    return
                self._hit(name, self._chance.choice(list(Fault)))
                self._load.hopeless.wait(self._chance.random() * 0.2)

    def _hit(self, name: str, fault: Fault) -> None:
        self._back(name, None)  # so that there is somebody
        ref = self._node(name).find()
        if ref is None:
            return  # passivated meanwhile
        if name == ROOT:
            fault = Fault.KILL
        if not self._do(fault, ref):
            return
        began = time.monotonic()
        if name == ROOT:
            self._open_again()
        if not self._back(name, ref):
            self._wrong(f"{name} does not answer {BACK_SECONDS:.0f} s after a {fault}: {self._why}")
            return
        answered = time.monotonic() - began
        if not self._serves():
            self._wrong(f"no command is taken {BACK_SECONDS:.0f} s after a {fault} of {name}")
            return
        served = time.monotonic() - began
        self._report.hits.append(Hit(name, fault, answered, served))
        self._say(f"{fault} of {name}: {served * 1e3:.0f} ms")

    def _wrong(self, what: str) -> None:
        self._report.wrong.append(what)
        self._load.hopeless.set()

    def _node(self, name: str) -> Node:
        return next(node for node in nodes(self._application) if node.name == name)

    def _do(self, fault: Fault, ref: Ref) -> bool:
        if fault is Fault.CRASH:
            ref.crash(InjectedCrash("a crash that was injected"))
        elif fault is Fault.HANG:
            return self._hangs.hang(ref, self._chance.random() * HANGS_SECONDS)
        else:
            if fault is Fault.SLOW:
                self._hydrations.slow_down(1.0)
            ref.kill()
        return True

    def _back(self, name: str, hit: Ref | None) -> bool:
        """Wait until another than the one that was hit answers; return whether one does."""
        node = self._node(name)
        with suppress(TimeoutError):
            wait_until(
                lambda: self._ended.is_set() or self._answers(node, hit), timeout=BACK_SECONDS
            )
            if not self._ended.is_set():
                return True
            self._why = f"the application has ended: {self._reason}"
        return False

    def _answers(self, node: Node, hit: Ref | None) -> bool:
        try:
            ref = node.find()
            if hit is not None and ref is hit:
                return False
            node.look(ref)
        except Exception as gone:  # noqa: BLE001 - whatever it is: it does not answer yet
            self._why = repr(gone)
            return False
        return True

    def _serves(self) -> bool:
        """Send a command until it is acknowledged; return whether it is, in time."""
        self._canaries += 1
        data = {"account_uuid": "a-0", "amount": "1.00"}
        canary = Intent(f"canary:{self._canaries}", "DepositToAccount", data)
        with suppress(TimeoutError):
            wait_until(lambda: self._load.send(canary), timeout=BACK_SECONDS)
            return True
        return False

    # -- the program -------------------------------------------------------------------------------

    def _open(self) -> None:
        self._ended = threading.Event()
        self._application = Application(self._settings, clock=self._clock)
        connection = LocalConnection(self._application.service, address="", close=_nothing)
        self._ledger = Ledger(connection)
        self._application.start()
        ended = self._ended
        self._application.on_end(connection.tree_ended)
        self._application.on_end(lambda reason: self._note_end(reason, ended))

    def _note_end(self, reason: ExitReason, ended: threading.Event) -> None:
        self._reason = reason
        ended.set()

    def _open_again(self) -> None:
        """As systemd does when the program has ended."""
        if not self._ended.wait(BACK_SECONDS):
            self._wrong("the root was killed, and the tree has not ended")
            return
        self._application.stop()
        self._open()

    # -- the end -----------------------------------------------------------------------------------

    def _settled(self) -> dict[str, Any]:
        terminate_child(self._application._the_root(), "daily_cycler")  # no new day begins
        try:
            wait_until_settled(self._ledger, timeout=BACK_SECONDS)
        except TimeoutError:
            self._wrong(f"a consumer does not catch up: {self._ledger.status()!r}")
        self._report.abandoned = self._hangs.count
        return dict(balances(self._ledger))

    def _check(self, states: dict[str, Any]) -> None:
        events, report, record = (
            read_events(self._data / "events.db"),
            self._report,
            self._load.record,
        )
        for line in of_the_cycler(events):
            record.take(line)
        report.commands, report.events = len(record.intents), len(events)
        report.broken_off, report.slowed = record.broken_off, self._hydrations.slowed
        report.fees = sum(event.type == "LateFeeIncurred" for event in events)
        report.latencies = [seconds for _, seconds in self._load.latencies]
        report.wrong += at_the_end(Evidence.of(events, record), states, self._data)


def _nothing() -> None:
    """The application is stopped by who has opened it."""
