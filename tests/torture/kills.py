"""Where the daemon is killed: each phase, how it is brought about, and how a kill there is known.

Where the interposed library can be built, a kill is at a system call: the n-th write to a file, or
its sync, before it, half-way or after it. Else, and for what is no matter of files, at a moment.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from ledger_actors.ledger import PROJECTORS
from tests.faults.interposer import Action, Call, Fault

_KILLS = (Action.KILL_BEFORE, Action.KILL_HALFWAY, Action.KILL_AFTER)


class Phase(StrEnum):
    """What the daemon is in the middle of when it is killed."""

    COMMIT = "a commit of the journal"
    LOG_SETTLED = "the start, while the log is moved into the file"
    HYDRATION = "the start, while the tree comes up and catches up"
    SNAPSHOT = "a snapshot"
    PROJECTION = "a read model's transaction"
    REBUILD = "the rebuild of a read model"
    SWAP = "the swap of a rebuilt read model"
    SHUTDOWN = "an ordered stop"
    LOAD = "load, at any moment"
    PEACE = "peace: it was up, and the chosen call did not come"


AT_THE_START = (Phase.LOG_SETTLED, Phase.HYDRATION)
CHOSEN = tuple(phase for phase in Phase if phase is not Phase.PEACE)
READ_MODELS = tuple(f"{projector.name}-v{projector.version}" for projector in PROJECTORS)


@dataclass(frozen=True)
class Kill:
    """One kill: `fault` where it is at a system call, `after` seconds where it is at a moment.

    `rebuilt` is the read model that is made anew meanwhile.
    """

    phase: Phase
    after: float
    fault: Fault | None = None
    rebuilt: str | None = None


def plan(count: int, seed: int, *, at_calls: bool) -> list[Kill]:
    """Return so many kills, by the seed: every phase in turn, in an order that is shuffled."""
    chance = random.Random(f"{seed}:kills")
    phases: list[Phase] = []
    while len(phases) < count:
        phases += chance.sample(CHOSEN, len(CHOSEN))
    return [_kill(phase, chance, at_calls=at_calls) for phase in phases[:count]]


def _kill(phase: Phase, chance: random.Random, *, at_calls: bool) -> Kill:
    model = chance.choice(READ_MODELS)
    file, most = {
        Phase.COMMIT: ("events.db-wal$", 150),
        Phase.LOG_SETTLED: ("events.db$", 8),
        Phase.SNAPSHOT: ("events-snapshots.db-wal$", 25),
        Phase.PROJECTION: ("-v1.db-wal$", 100),
        Phase.REBUILD: (f"{model}.rebuild.db", 8),
        Phase.SWAP: (f"{model}.db-wal$", 6),
    }.get(phase, ("", 0))
    fault = None
    if file and at_calls:
        fault = Fault(
            action=chance.choice(_KILLS),
            calls=Call.WRITE | Call.SYNC,
            file=file,
            skip=chance.randrange(most),
            armed_by=f"{model}.rebuild.db" if phase is Phase.SWAP else "",
        )
    rebuilt = model.rpartition("-v")[0] if phase in (Phase.REBUILD, Phase.SWAP) else None
    return Kill(phase, chance.random(), fault, rebuilt)
