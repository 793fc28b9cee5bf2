"""The command that moves the business date on; the DailyCycler gives it."""

from __future__ import annotations

from typing import Final, Literal

from ledger_actors.ledger.checking import LedgerCommand
from ledger_actors.ledger.dates import CalendarDate
from ledger_actors.runtime import command

SYSTEM_UUID: Final = "main"  # there is one; a second would charge every late fee twice


@command("CycleSystem")
class CycleSystem(LedgerCommand, frozen=True, kw_only=True):
    """Move the business date on by one day; the first one may be any date."""

    new_date: CalendarDate
    system_uuid: Literal["main"] = SYSTEM_UUID


ALL: tuple[type[LedgerCommand], ...] = (CycleSystem,)
