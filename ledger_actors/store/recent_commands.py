"""Which commands were taken lately, and since when that is all of them: a bounded memory.

To look for a command in the table costs a query. Whoever has looked for many of them in one query
keeps the *moment* at which it did, a number that grows with each commit. What was not in the table
at that moment can have been taken since only if it is remembered here.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["RecentCommands"]


class RecentCommands:
    """The ids of the last commands, at least `generation` of them and about twice as many at most.

    The writer adds them before it commits, so that there is no time at which one is taken and not
    here; if a commit fails, it forgets all. Any thread asks, without a lock: hence the order of the
    steps.
    """

    def __init__(self, *, generation: int = 65_536) -> None:
        self._generation = generation
        self._young: set[str] = set()
        self._old: set[str] = set()
        self._young_from = 0
        self._complete_from = 0
        self.moment = 0

    def __contains__(self, command_id: object) -> bool:
        """Return whether it is remembered."""
        return command_id in self._young or command_id in self._old

    def not_taken_since(self, command_id: str, moment: int) -> bool:
        """Return whether it is certain that the command was not taken after `moment`."""
        # In this order: where the first has missed what was just forgotten, the second says no.
        return command_id not in self and moment >= self._complete_from

    def add(self, command_ids: Iterable[str]) -> None:
        """Remember the commands of a commit that is about to be made."""
        if len(self._young) >= self._generation:
            self._complete_from = self._young_from
            self._young_from = self.moment + 1
            self._old = self._young
            self._young = set()
        self._young.update(command_ids)
        self.moment += 1

    def forget(self) -> None:
        """Remember nothing, since it is not known what is taken: earlier moments are void."""
        self._complete_from = self._young_from = self.moment + 1
        self.moment += 1
        self._old = set()
        self._young = set()
