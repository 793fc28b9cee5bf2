"""The torture: load, kill -9, start again, check; over and over.

All that is random comes from the seed: commands, phases and moments. How the daemon's threads take
turns does not, so a seed brings back the plan of a run and not the run.
"""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger_actors import Ledger, connect
from ledger_actors.daemon.errors import LedgerError, StreamMissing
from ledger_actors.demos.daemon_process import DaemonProcess
from ledger_actors.demos.waiting import wait_until_settled
from tests.faults.interposer import Interposer, NoCompiler, build
from tests.torture import checks, files, money
from tests.torture.clients import Client
from tests.torture.evidence import Evidence, Record, read_events
from tests.torture.kills import AT_THE_START, Kill, Phase, plan
from tests.torture.workload import ACCOUNTS, ASSETS, COMPANIES, Days, Workload, opening

SETTINGS = {
    "LEDGER_ENV": "test",
    "LEDGER_AGGREGATE_SNAPSHOT_EVERY": "4",
    "LEDGER_AGGREGATE_IDLE_TIMEOUT": "0.3",  # so that they hydrate all the time
}
LOAD_SECONDS = 1.5
"""A kill at a moment comes within so many seconds; one at a call is waited for twice as long."""

KILLED = -9
CAUGHT_UP_SECONDS = 60.0


@dataclass
class Report:
    """What a run came to."""

    seed: int
    kills: Counter[Phase] = field(default_factory=Counter)
    at_calls: int = 0
    events: int = 0
    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    broken_off: int = 0
    fees: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def told(self) -> Iterator[str]:
        """The run in lines for a person."""
        yield f"seed {self.seed}: {self.kills.total()} kills in {self.seconds:.0f} s"
        for phase in Phase:
            yield f"  {self.kills[phase]:4}  in {phase.value}"
        yield f"  {self.at_calls} of them at a chosen system call"
        yield (
            f"{self.sent:,} commands sent: {self.acknowledged:,} acknowledged, "
            f"{self.refused:,} refused, {self.broken_off:,} times broken off and sent again"
        )
        yield f"{self.events:,} events, {self.fees:,} late fees among them"
        yield "nothing was wrong" if not self.wrong else f"{len(self.wrong)} things were wrong:"
        yield from (f"  {one[:1000]}" for one in self.wrong)


class Torture:
    """One run in a folder, which has to be empty."""

    def __init__(self, folder: Path, *, seed: int, say: Callable[[str], None]) -> None:
        self._data = folder / "data"
        self._say = say
        self._seed = seed
        self._report = Report(seed)
        records = folder / "records"
        records.mkdir(parents=True)
        self._record = Record(records)
        self._interposer = self._built(folder)
        environment = self._interposer.environment if self._interposer else {}
        self._daemon = DaemonProcess(self._data, **SETTINGS, **environment)
        self._up_since = 0.0
        self._up_after = self._down_after = 1.0
        self._clients = [
            Client("one", Workload("one", seed), records, window=1, seed=seed),
            Client("many", Workload("many", seed), records, window=24, seed=seed),
            Client("more", Workload("more", seed), records, window=24, seed=seed),
            Client("days", Days(), records, window=1, seed=seed, pause=0.1),
        ]

    def run(self, kills: int) -> Report:
        """Kill the daemon so many times; return what was found. Ends at the first thing wrong."""
        began = time.monotonic()
        with ExitStack() as stack:
            for client in self._clients:
                stack.callback(client.close)
            stack.callback(self._daemon.kill_9)
            self._start()
            with connect(self._data) as ledger:
                self._clients[0].send_one_by_one(ledger, opening())
            for number, kill in enumerate(plan(kills, self._seed, at_calls=bool(self._interposer))):
                phase = self._killed_at_the_start(kill) or self._killed_under_load(kill)
                self._report.kills[phase] += 1
                self._start()
                self._settle()
                if self._found(self._after_a_restart()):
                    break
                self._say(f"kill {number + 1}: in {phase.value}; {self._report.events:,} events")
            else:
                self._found(self._at_the_end())
        self._report.seconds = time.monotonic() - began
        return self._report

    # -- killing -----------------------------------------------------------------------------------

    def _killed_at_the_start(self, kill: Kill) -> Phase | None:
        """For a phase of the start: kill the daemon that runs, and then the next as it comes up."""
        if kill.phase not in AT_THE_START:
            return None
        self._load(LOAD_SECONDS / 2)
        self._daemon.kill_9()
        self._end_of_load()
        if self._interposer and kill.fault:
            self._interposer.arm(kill.fault)
        self._daemon.begin()
        return self._killed_by(kill, within=kill.after * self._up_after)

    def _killed_under_load(self, kill: Kill) -> Phase:
        if self._interposer and kill.fault:
            self._interposer.arm(kill.fault)
        self._load(0)
        if kill.rebuilt is not None:
            self._rebuild(kill.rebuilt)
        try:
            if kill.phase is Phase.SHUTDOWN:
                time.sleep(LOAD_SECONDS / 3)
                self._daemon.begin_stop()
                return self._killed_by(kill, within=kill.after * self._down_after)
            return self._killed_by(kill, within=kill.after * LOAD_SECONDS)
        finally:
            self._end_of_load()

    def _killed_by(self, kill: Kill, *, within: float) -> Phase:
        """Wait for the kill at its call, or kill at the moment; return where it fell in truth."""
        at_a_call = self._interposer is not None and kill.fault is not None
        try:
            status = self._daemon.wait(2 * LOAD_SECONDS if at_a_call else within)
        except subprocess.TimeoutExpired:
            return self._killed_at_a_moment(kill)
        if self._interposer and kill.fault:
            self._interposer.disarm()
            if status == KILLED and self._interposer.happened:
                self._report.at_calls += 1
                return kill.phase
        if kill.phase is Phase.SHUTDOWN and status == 0:  # it was quicker: kill the next one
            self._down_after *= 0.8
            self._end_of_load()
            self._start()
            self._settle()
            return self._killed_under_load(kill)
        raise ChildProcessError(f"the daemon ended by itself, with status {status}")

    def _killed_at_a_moment(self, kill: Kill) -> Phase:
        if self._interposer:
            self._interposer.disarm()
        self._daemon.kill_9()
        if kill.phase in (Phase.HYDRATION, Phase.SHUTDOWN):
            return kill.phase
        if kill.phase is Phase.LOG_SETTLED:
            return Phase.PEACE if kill.fault else Phase.HYDRATION
        return Phase.REBUILD if self._was_rebuilding(kill) else Phase.LOAD

    def _was_rebuilding(self, kill: Kill) -> bool:
        """Whether the file of the rebuild that was asked for is there, and not from before."""
        rebuilt = (self._data / "read-models").glob(f"{kill.rebuilt}-*.rebuild.db")
        return any(file.stat().st_mtime >= self._up_since for file in rebuilt)

    def _rebuild(self, projector: str) -> None:
        try:
            with connect(self._data) as ledger:
                ledger.actor(projector).tell({"$message": "Rebuild"})
        except LedgerError as gone:
            self._say(f"no rebuild was asked for: {gone}")

    # -- load --------------------------------------------------------------------------------------

    def _load(self, seconds: float) -> None:
        for client in self._clients:
            client.start(self._data)
        time.sleep(seconds)

    def _end_of_load(self) -> None:
        for client in self._clients:
            client.stop()

    def _start(self) -> None:
        self._up_since = time.time()
        self._daemon.start()
        self._up_after = time.time() - self._up_since

    def _settle(self) -> None:
        """Send again what was not answered: then it is known of every command what came of it."""
        with connect(self._data) as ledger:
            for client in self._clients:
                client.repeat(ledger)

    # -- checking ----------------------------------------------------------------------------------

    def _found(self, wrong: list[str]) -> bool:
        self._report.wrong += wrong
        return bool(wrong)

    def _evidence(self) -> Evidence:
        self._record.read_on()
        events = read_events(self._data / "events.db")
        report = self._report
        report.events = len(events)
        report.fees = sum(event.type == "LateFeeIncurred" for event in events)
        report.sent, report.acknowledged = len(self._record.intents), len(self._record.acks)
        report.refused, report.broken_off = len(self._record.refused), self._record.broken_off
        return Evidence.of(events, self._record)

    def _after_a_restart(self) -> list[str]:
        return checks.wrong(self._evidence(), checks.AFTER_EACH_RESTART)

    def _at_the_end(self) -> list[str]:
        with connect(self._data) as ledger:
            wait_until_settled(ledger, timeout=CAUGHT_UP_SECONDS)
            states = dict(balances(ledger))
            verified = ledger.verify()
            audited, parked = ledger.audit(), ledger.parked()
        evidence = self._evidence()
        wrong = [] if verified.ok else [f"the daemon's verify: {verified!r}"]
        wrong += [] if audited.ok else [f"the daemon's audit: {audited!r}"]
        wrong += [] if not parked else [f"something is parked: {parked!r}"]
        wrong += money.states_are_as_the_events(evidence, states)
        if (status := self._daemon.stop()) != 0:
            wrong.append(f"the last stop in order ended with status {status}")
        wrong += files.chain_is_clean(self._data)
        wrong += files.read_models_are_as_a_replay(self._data)
        return wrong + checks.wrong(evidence, checks.AT_THE_END)

    def _built(self, folder: Path) -> Interposer | None:
        try:
            return Interposer(build(folder), folder)
        except NoCompiler as reason:
            self._say(f"kills are at moments only, at no chosen system call: {reason}")
            return None


def balances(ledger: Ledger) -> Iterator[tuple[str, Decimal | None]]:
    """What every holder of money answers."""
    for kind, name, count in (
        ("account", "a", ACCOUNTS),
        ("asset", "s", ASSETS),
        ("company", "c", COMPANIES),
    ):
        for number in range(count):
            yield f"{kind}:{name}-{number}", _balance(ledger, kind, f"{name}-{number}")


def _balance(ledger: Ledger, kind: str, uuid: str) -> Decimal | None:
    try:
        state: Any = ledger.state(kind, uuid)
    except StreamMissing:
        return None
    return Decimal(state.balance)
