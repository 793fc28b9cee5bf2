"""Lets a demo's audience see what supervisors see: each crash, and what was decided."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ledger_actors.demos.narrator import Narrator
from supervision import ExitReason, Ref, Shutdown, telemetry
from supervision.reports import GaveUp, child_text

ROOT = "application"


class Sightings:
    """What was seen so far. Filled by the threads in which it happened."""

    def __init__(self, narrator: Narrator) -> None:
        self._narrator = narrator
        self._changed = threading.Condition()
        self._ends: list[str] = []
        self._gave_up: list[str] = []

    @property
    def gave_up(self) -> tuple[str, ...]:
        """The supervisors that exceeded their intensity, in order."""
        with self._changed:
            return tuple(self._gave_up)

    def ends(self, label: str = "") -> int:
        """How many abnormal ends there were of actors whose name has `label` in it."""
        with self._changed:
            return sum(label in one for one in self._ends)

    def wait_for_ends(self, label: str, count: int, *, timeout: float = 20.0) -> None:
        """Wait until there were so many. Raises TimeoutError when they do not come."""
        with self._changed:
            enough = self._changed.wait_for(
                lambda: sum(label in one for one in self._ends) >= count, timeout
            )
        if not enough:
            raise TimeoutError(f"{label} did not end {count} times within {timeout} seconds")

    def see(self, event: str, fields: Mapping[str, Any]) -> None:
        """A telemetry handler."""
        if event == telemetry.CHILD_ENDED and _worth_telling(fields):
            self._child_ended(fields)
        elif event == telemetry.SUPERVISOR_GAVE_UP:
            self._supervisor_gave_up(fields)

    def _child_ended(self, fields: Mapping[str, Any]) -> None:
        ref = fields["ref"]
        label = child_text(fields["child_id"]) if ref is None else _name(ref)
        self._narrator.seen(f"{label} {_why(fields['reason'])}")
        self._narrator.seen(f"    its supervisor's decision: {fields['decision']}")
        with self._changed:
            self._ends.append(label)
            self._changed.notify_all()

    def _supervisor_gave_up(self, fields: Mapping[str, Any]) -> None:
        label = _name(fields["supervisor"])
        most, seconds = fields["max_restarts"], fields["max_seconds"]
        self._narrator.seen(f"{label} gives up: more than {most} restarts in {seconds:g} seconds")
        with self._changed:
            self._gave_up.append(label)
            self._changed.notify_all()


def _name(ref: Ref) -> str:
    return ROOT if ref.parent is None else ref.label.removeprefix("consumer/")


def _why(reason: ExitReason) -> str:
    return "ended: it gave up" if _gave_up(reason) else str(reason)


def _gave_up(reason: ExitReason) -> bool:
    return isinstance(reason, Shutdown) and isinstance(reason.detail, GaveUp)


def _worth_telling(fields: Mapping[str, Any]) -> bool:
    """Crashes and kills, and supervisors that have given up, which end with a mere shutdown."""
    reason: ExitReason = fields["reason"]
    return reason.abnormal or _gave_up(reason)


@contextmanager
def watched(narrator: Narrator) -> Iterator[Sightings]:
    """Narrate abnormal ends and supervisors that give up, in this process, while inside."""
    sightings = Sightings(narrator)
    detach = telemetry.attach(sightings.see)
    try:
        yield sightings
    finally:
        detach()
