"""The system as a whole: its business date, which moves on by a day at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from types import MappingProxyType

import msgspec

from ledger_actors.ledger.commands.system import CycleSystem
from ledger_actors.ledger.events.system import SystemCycled
from ledger_actors.ledger.rejections import Code, Refused
from ledger_actors.runtime import Aggregate, Command, Event


class SystemState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The last date that was cycled; None before the first."""

    business_date: date | None = None


def decide(state: SystemState, command: Command) -> Sequence[Event]:
    """Return the event that moves the business date on.

    Raises:
        Refused: already_cycled, or date_out_of_order.
    """
    if not isinstance(command, CycleSystem):
        raise TypeError(command)
    if state.business_date is not None:
        _ensure_next(state.business_date, command.new_date)
    return (SystemCycled(system_uuid=command.system_uuid, new_date=command.new_date),)


def _ensure_next(last: date, new_date: date) -> None:
    if new_date <= last:
        raise Refused(Code.ALREADY_CYCLED, f"{new_date} has been cycled: the system is at {last}")
    if new_date != last + timedelta(days=1):
        message = f"the system is at {last}: the next date is {last + timedelta(days=1)}"
        raise Refused(Code.DATE_OUT_OF_ORDER, f"{message}, not {new_date}")


def evolve(state: SystemState, event: Event) -> SystemState:
    """Return the system after a cycle."""
    del state
    if not isinstance(event, SystemCycled):
        raise TypeError(event)
    return SystemState(business_date=event.new_date)


class System(Aggregate[SystemState]):
    """The actor of the system; its one stream is `system-main`."""

    category = "system"
    initial_state = SystemState()
    commands = MappingProxyType({CycleSystem: "system_uuid"})
    decide = staticmethod(decide)
    evolve = staticmethod(evolve)
