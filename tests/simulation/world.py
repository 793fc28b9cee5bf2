"""A small ledger on the scheduler: clients, faults and the days, all by one seed.

The whole tree of the application runs, but for the door. Meanwhile actors are killed and crash, and
some seeds kill the program itself: what is in its files at that moment is copied, and the next one
starts on the copy.
"""

from __future__ import annotations

import gc
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger_actors import Ledger
from ledger_actors.application import Application
from ledger_actors.daemon.local import LocalConnection
from ledger_actors.json_decoders import decoder_of
from ledger_actors.ledger import AGGREGATES, PROCESS_MANAGERS, PROJECTORS
from ledger_actors.runtime.command_catalog import COMMANDS
from ledger_actors.settings import Settings, load_settings
from supervision import telemetry
from supervision.dispatch import OwnThread, Runnable
from supervision.pool import Pool
from supervision.specs import ChildSpec
from tests.simulation.clients import Client
from tests.simulation.evidence import of_the_cycler
from tests.simulation.faults import Faults, Living
from tests.simulation.fibers import Fiber, SimulationError
from tests.simulation.invariants import Reached, Watch, at_the_end, nothing_before_hydration
from tests.simulation.scheduler import Scheduler
from tests.simulation.substitution import simulated, substituted, thread_locals
from tests.torture.clients import as_it_came
from tests.torture.evidence import Ack, Evidence, Intent, Record, read_events
from tests.torture.harness import balances
from tests.torture.workload import opening

__all__ = ["Report", "Template", "run_seed"]

CLIENTS = (("one", False), ("two", False), ("many", True), ("more", True))
"""Each with whether it sends without waiting for answers."""

CAUGHT_UP_SECONDS = 600.0

# What is made once in a process is made before the first run: all runs of a seed are then alike.
for _kind in (*COMMANDS, *(type(one.initial_state) for one in AGGREGATES)):
    decoder_of(_kind)


@dataclass
class Report:
    """What a seed came to."""

    seed: int
    steps: int = 0
    switches: int = 0
    commands: int = 0
    events: int = 0
    fees: int = 0
    kills: int = 0
    crashes: int = 0
    restarts: int = 0
    programs: int = 0
    trace: str = ""
    wrong: list[str] = field(default_factory=list)

    def told(self) -> str:
        """A line for a person."""
        what = "; ".join(self.wrong)[:4000] or "nothing wrong"
        return (
            f"seed {self.seed}: {self.commands} commands, {self.events} events, {self.fees} fees, "
            f"{self.kills} kills, {self.crashes} crashes, {self.programs} programs, "
            f"{self.switches:,} switches, trace {self.trace}: {what}"
        )


class Doorless(Application):
    """The application without its door, which is asyncio's and runs on threads of its own."""

    def children(self) -> list[ChildSpec]:
        """All but the last."""
        return super().children()[:-1]


def _settings(**tables: Any) -> Settings:
    chosen: dict[str, Any] = {
        "aggregate": {"snapshot_every": 3, "idle_timeout": 600.0},
        "projector": {
            "hydration_delay": 20,
            "hydration_delay_entropy": 40,
            "delivery_interval": 5,
        },
        "supervision": {"max_restarts": 100_000, "max_seconds": 1.0},
        "cycler": {"enabled": True, "interval": 7200.0},
        "journal": {"max_batch": 8},
        "dispatcher": {"pool_size": 3},
        **tables,
    }
    return load_settings(env="test", **chosen)


class Template:
    """A folder with what has to be there before anything else: each seed begins on a copy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = _settings()
        self.quiet = _settings(cycler={"enabled": False})
        self.lines: list[Intent | Ack] = []
        scheduler = Scheduler(0, locals=thread_locals())
        with simulated(scheduler, 0):
            scheduler.run(self._open)

    def _open(self) -> None:
        application = Doorless(self.quiet.model_copy(update={"data": self.folder}))
        application.start()
        ledger = _ledger(application)
        for intent in opening():
            events = ledger.send(intent.type, command_id=intent.id, **intent.data)
            self.lines += [intent, Ack(intent.id, False, tuple(map(as_it_came, events)))]
        application.stop()


def run_seed(seed: int, template: Template, folder: Path) -> Report:
    """Run a seed from its opening to its last check, in an empty folder."""
    run = _Run(seed, template, folder)
    gc.disable()  # when it collects is no choice of the seed's
    try:
        run.run()
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is what this seed has found
        run.report.wrong.append(f"{type(problem).__name__}: {problem}")
    finally:
        gc.enable()
    run.report.trace = run.scheduler.trace()
    run.report.steps, run.report.switches = run.scheduler.steps, run.scheduler.switches
    return run.report


class _Run:
    def __init__(self, seed: int, template: Template, folder: Path) -> None:
        self.report = Report(seed)
        self.scheduler = Scheduler(seed, locals=thread_locals())
        self.chance = random.Random(f"{seed}:world")
        self.record = Record(folder)
        for line in template.lines:
            self.record.take(line)
        self.watch: Watch | None = None
        self.states: dict[str, Decimal | None] = {}
        self.settings = template.settings
        self._template = template
        self._folder = folder
        self.clients = [
            Client(name, seed, self.record, told=self._told, pipelined=many)
            for name, many in CLIENTS
        ]

    def run(self) -> None:
        programs = self.chance.choice((1, 1, 1, 2, 3))
        data = self._folder / "data-1"
        shutil.copytree(self._template.folder, data)
        for number in range(1, programs + 1):
            self.report.programs = number
            following = self._folder / f"data-{number + 1}" if number < programs else None
            program = _Program(self, data, following)
            with simulated(self.scheduler, self.report.seed * 8 + number):
                try:
                    self.scheduler.run(program.run)
                finally:
                    self.report.kills += program.faults.kills
                    self.report.crashes += program.faults.crashes
                    program.watch.close()
            if following is None or not following.exists():
                break
            data = following
        with simulated(self.scheduler, self.report.seed):
            self.scheduler.run(lambda: self._end(data))
        self._check(data)

    def _end(self, data: Path) -> None:
        """A last program, in which no day begins: what the one before has left is done by it."""
        application = Doorless(self._template.quiet.model_copy(update={"data": data}))
        application.start()
        _catch_up(application, self.scheduler)
        self.states = dict(balances(_ledger(application)))
        application.stop()

    def _check(self, data: Path) -> None:
        events = read_events(data / "events.db")
        self.scheduler.note(repr(events))
        report = self.report
        report.events = len(events)
        report.fees = sum(event.type == "LateFeeIncurred" for event in events)
        report.commands = len(self.record.intents) - len(self._template.lines) // 2
        for line in of_the_cycler(events):
            self.record.take(line)
        evidence = Evidence.of(events, self.record)
        report.wrong += at_the_end(evidence, self.states, data)
        if not report.kills + report.crashes:
            report.wrong += self._without_a_fault()

    def _without_a_fault(self) -> Iterator[str]:
        """Where nobody was hit nobody crashes, and every command has its answer."""
        if self.report.restarts:
            yield f"nobody was hit, and there were {self.report.restarts} restarts"
        if self.record.broken_off:
            yield f"nobody was hit, and {self.record.broken_off} commands had no answer"

    def _told(self, ack: Ack) -> None:
        assert self.watch is not None
        self.watch.acknowledged(ack)


class _Program:
    """The life of one program: it ends in order, or is killed and copied to `following`."""

    def __init__(self, run: _Run, data: Path, following: Path | None) -> None:
        self._run = run
        self._scheduler = run.scheduler
        self._chance = run.chance
        self._data = data
        self._following = following
        self._living = Living()
        self.faults = Faults(run.scheduler, run.chance, self._living)
        self.watch = run.watch = Watch(data / "events.db", run.scheduler.fail)

    def run(self) -> None:
        """Its main thread."""
        with substituted([*_begins(self._living), *nothing_before_hydration(self.watch)]):
            self._application = Doorless(self._run.settings.model_copy(update={"data": self._data}))
            system = self._application.system
            object.__setattr__(system, "reached", Reached(self.watch))
            system.subscriptions.on_commit(lambda _: self.watch.read_on())
            before = telemetry.counts().restarts
            self._live()
            self._run.report.restarts += telemetry.counts().restarts - before

    def _live(self) -> None:
        start, ledger = self._scheduler.start, _ledger(self._application)
        self._application.start()
        start("faults", self.faults.run)
        clients = [
            start(client.name, lambda client=client: client.run(ledger, self._scheduler))
            for client in self._run.clients
        ]
        if self._following is not None:
            self._scheduler.wait_steps(self._chance.randrange(100, 20_000))
            shutil.copytree(self._data, self._following)
            return
        for client in clients:
            self._join(client)
        self.faults.stopped = True
        _catch_up(self._application, self._scheduler)
        self._application.stop()

    def _join(self, fiber: Fiber) -> None:
        if not fiber.done:
            self._scheduler.wait(fiber.joiners, None)


def _catch_up(application: Application, scheduler: Scheduler) -> None:
    """Wait until each consumer has taken in all that was written."""
    system, began = application.system, scheduler.now
    names = [kind.name for kind in (*PROJECTORS, *PROCESS_MANAGERS)]
    while any(system.reached.get(name) != system.store.head() for name in names):
        if scheduler.now - began > CAUGHT_UP_SECONDS:
            told = f"{dict(system.reached)} of {system.store.head()}, {system.stopped}"
            raise SimulationError(f"a consumer does not catch up: {told}")
        scheduler.wait(None, 1.0)


def _ledger(application: Application) -> Ledger:
    return Ledger(LocalConnection(application.service, address="", close=lambda: None))


def _begins(living: Living) -> list[tuple[Any, str, Any]]:
    """The dispatchers, telling of whom they begin with."""

    def telling(begin: Callable[[Any, Runnable], None]) -> Callable[[Any, Runnable], None]:
        def begin_and_tell(dispatcher: Any, actor: Runnable) -> None:
            living.begin(actor.actor_ref)
            begin(dispatcher, actor)

        return begin_and_tell

    return [(kind, "begin", telling(kind.begin)) for kind in (OwnThread, Pool)]
