"""A ledger whose process manager has much to catch up with answers at once, and says how far."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ledger_actors import Ledger
from ledger_actors.ledger.aggregates.system import System as LedgerSystem
from ledger_actors.ledger.commands.system import SYSTEM_UUID
from ledger_actors.ledger.events.system import SystemCycled
from ledger_actors.ledger.process_managers.late_fees import LateFeeProcessManager
from ledger_actors.runtime import EVENTS
from ledger_actors.store import Append, SqliteEventStore, StreamWrite
from supervision.testing import Gate, wait_until

DATES = 5
FIRST = date(1993, 1, 1)


def opened(folder: Path) -> Any:
    return Ledger.open(
        folder, env="test", projector={"hydration_delay": 0}, cycler={"enabled": False}
    )


def position(ledger: Ledger) -> tuple[int | None, int | None]:
    """Where the late fees are, and how far behind."""
    (found,) = (one for one in ledger.status().consumers if one.name == "late_fees")
    return found.position, found.lag


def test_the_door_is_open_while_a_process_manager_catches_up(
    tmp_path: Path, monkeypatch: Any
) -> None:
    gate, real = Gate(), LateFeeProcessManager.process
    passed: list[int] = []

    def process(self: Any, event: Any) -> Any:
        if event.id == 2:
            gate.pass_through()
        passed.append(event.id)
        return real(self, event)

    with opened(tmp_path):
        pass  # its first position is written
    cycled = tuple(
        EVENTS.encode(SystemCycled(system_uuid=SYSTEM_UUID, new_date=FIRST + timedelta(n)))
        for n in range(DATES)
    )
    with SqliteEventStore(tmp_path / "events.db") as store:
        store.append([Append((StreamWrite(LedgerSystem.stream(SYSTEM_UUID), cycled),))])
    monkeypatch.setattr(LateFeeProcessManager, "process", process)
    with opened(tmp_path) as ledger:
        gate.wait_arrived()
        wait_until(lambda: position(ledger) == (1, DATES - 1))
        gate.open()
        wait_until(lambda: position(ledger) == (DATES, 0))
    assert passed == list(range(1, DATES + 1))
