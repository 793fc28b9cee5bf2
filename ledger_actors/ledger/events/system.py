"""Events of the system as a whole."""

from __future__ import annotations

from datetime import date

from ledger_actors.runtime import Event, event


@event("SystemCycled", version=1)
class SystemCycled(Event, frozen=True, kw_only=True):
    """The business date is `new_date` now. Each date once, in order, none left out."""

    system_uuid: str
    new_date: date


ALL: tuple[type[Event], ...] = (SystemCycled,)
