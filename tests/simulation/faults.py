"""What goes wrong in a simulation: actors are killed and crash, when the seed says so."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ledger_actors.runtime import Aggregate
from supervision import Ref
from tests.simulation.scheduler import Scheduler

__all__ = ["Faults", "InjectedCrash", "Living"]

OFTEN = (0, 0, 300, 1000, 3000)
"""Points that pass between two faults, on average; a seed has one of them. 0: there are none."""

SPARED = ("application",)
"""If the root ends the program does: that is what the kill of a program is for."""


class InjectedCrash(Exception):
    """An actor was made to raise it."""


class Living:
    """Every actor from the moment it is given to its dispatcher, in that order."""

    def __init__(self) -> None:
        self.refs: list[Ref] = []

    def begin(self, ref: Ref) -> None:
        """An actor begins."""
        self.refs.append(ref)

    def one_of(self, chance: random.Random) -> Ref | None:
        """Return one that is alive and may be hit."""
        self.refs = [ref for ref in self.refs if ref.is_alive()]
        found = [ref for ref in self.refs if ref.label not in SPARED]
        if chance.random() < 0.5:  # aggregates are many, and the rest is what they rest on
            found = [ref for ref in found if not issubclass(ref.actor_class, Aggregate)]
        return chance.choice(found) if found else None


@dataclass
class Faults:
    """Hits the living, again and again, until it is stopped."""

    scheduler: Scheduler
    chance: random.Random
    living: Living
    kills: int = 0
    crashes: int = 0
    stopped: bool = False

    def run(self) -> None:
        """In a fiber."""
        often = self.chance.choice(OFTEN)
        while often and not self.stopped:
            self.scheduler.wait_steps(self.chance.randrange(1, 2 * often))
            ref = self.living.one_of(self.chance)
            if ref is not None and not self.stopped:
                self._hit(ref)

    def _hit(self, ref: Ref) -> None:
        self.scheduler.note(f"hit {ref.actor_class.__name__}")
        if self.chance.random() < 0.5:
            self.kills += 1
            ref.kill()
        else:
            self.crashes += 1
            ref.crash(InjectedCrash("a crash that the seed has chosen"))
