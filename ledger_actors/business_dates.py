"""What the DailyCycler needs of the ledger: the last date that was cycled, and how to cycle one."""

from __future__ import annotations

from datetime import date

from ledger_actors.ledger.aggregates.system import System as LedgerSystem
from ledger_actors.ledger.commands.system import SYSTEM_UUID, CycleSystem
from ledger_actors.runtime import CommandBus, NoSuchStream, System, envelope, state_at

__all__ = ["LedgerDates"]

AUTHOR = "daily_cycler"


class LedgerDates:
    """The business dates of one ledger. Both methods may block; the cycler runs them."""

    def __init__(self, system: System, bus: CommandBus) -> None:
        self._system = system
        self._bus = bus

    def last_cycled(self) -> date | None:
        """Return the last date that was cycled; None before the first."""
        try:
            stand = state_at(self._system, LedgerSystem, SYSTEM_UUID)
        except NoSuchStream:
            return None
        found: date | None = stand.state.business_date
        return found

    def cycle(self, new_date: date) -> None:
        """Cycle a date; it is on disk when this returns.

        That no date is cycled twice is for the system's aggregate, which takes the next one only. A
        command id made from the date could be somebody else's already.

        Raises:
            Rejection: it has been cycled, or is not the next one.
            StoreFull: there is no room on the disk.
            CommandTimeout: it is not known whether it was done.
        """
        self._bus.dispatch(envelope(CycleSystem(new_date=new_date), author=AUTHOR)).get()
