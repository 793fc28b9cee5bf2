"""Which children stop and start when one has failed, in which order: plans, without effects.

Source: `restart/3` and `restart_multiple_children/3` in OTP's `supervisor.erl`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from supervision.terms import ONE_FOR_ALL, ONE_FOR_ONE, Strategy

__all__ = ["Member", "Plan", "plan_restart"]


@dataclass(frozen=True, slots=True)
class Member:
    """A child as a strategy sees it."""

    id: Hashable
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Stop these, in this order; then start these, in this order."""

    stop: tuple[Hashable, ...]
    start: tuple[Hashable, ...]


def plan_restart(strategy: Strategy, members: Sequence[Member], failed: Hashable) -> Plan:
    """Return what a restart of `failed` takes.

    `members` are all children in the order of their start. `one_for_one` touches the failed child
    alone, `one_for_all` everybody, `rest_for_one` the failed child and those after it. Stops go in
    reverse. A temporary child that is stopped for another's sake is not started again, but
    forgotten. A child that had been stopped before is started with the rest, as in OTP.
    """
    group = _group(strategy, members, failed)
    others = [member for member in group if member.id != failed]
    return Plan(
        stop=tuple(member.id for member in reversed(others)),
        start=tuple(member.id for member in group if not member.temporary or member.id == failed),
    )


def _group(strategy: Strategy, members: Sequence[Member], failed: Hashable) -> Sequence[Member]:
    position = next(i for i, member in enumerate(members) if member.id == failed)
    if strategy is ONE_FOR_ONE:
        return members[position : position + 1]
    return members if strategy is ONE_FOR_ALL else members[position:]
