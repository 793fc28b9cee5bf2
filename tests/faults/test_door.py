"""Faults below SQLite, seen by a client at the daemon's door."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from ledger_actors import Ledger, connect
from ledger_actors.daemon.errors import LedgerError, LedgerUnavailable, StorageFull, TimedOut
from ledger_actors.daemon.protocol import CommandAnswer
from ledger_actors.demos.daemon_process import DaemonProcess
from tests.faults.interposer import Action, Call, Fault, Interposer

pytestmark = pytest.mark.external

LOG, FILE = "events.db-wal$", "events.db$"
SETTINGS = {"LEDGER_ENV": "test", "LEDGER_COMMAND_TIMEOUT": "2"}
DEPOSITS = 300


@pytest.fixture
def daemon(folder: Path, faults: Interposer) -> Iterator[DaemonProcess]:
    """A daemon whose system calls can go wrong, with an account."""
    with DaemonProcess(folder, **SETTINGS, **faults.environment) as running:
        with connect(folder) as ledger:
            ledger.send("RegisterCompany", company_uuid="c-1", name="Acme")
            ledger.send("OpenAccount", account_uuid="a-1", company_uuid="c-1")
        yield running
        faults.disarm()


def deposit(number: int) -> dict[str, object]:
    return {
        "type": "DepositToAccount",
        "command_id": f"d{number}",
        "data": {"account_uuid": "a-1", "amount": "1.00"},
    }


def long_deposit(number: int) -> dict[str, object]:
    data = {"account_uuid": "a-1", "amount": "1.00", "text": "x" * 1_900}
    return {"type": "DepositToAccount", "command_id": f"d{number}", "data": data}


def deposited(ledger: Ledger) -> Counter[str | None]:
    return Counter(event.command_id for event in ledger.events(types="AccountCredited"))


def deposit_all(ledger: Ledger) -> dict[str, CommandAnswer | LedgerError]:
    outcomes = ledger.send_many(map(deposit, range(DEPOSITS)), window=32)
    return {f"d{number}": outcome for number, outcome in enumerate(outcomes)}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(action=Action.FAIL, calls=Call.SYNC, file=LOG, error=errno.EIO, skip=3),
        Fault(action=Action.FAIL, calls=Call.WRITE, file=LOG, error=errno.EIO, skip=20),
        Fault(action=Action.FAIL, calls=Call.WRITE, file=LOG, error=errno.ENOSPC, skip=20),
        Fault(action=Action.FAIL, calls=Call.WRITE, file="accounts-v1.db-wal$", error=errno.EIO),
        Fault(action=Action.FAIL, calls=Call.WRITE, file="snapshots.db-wal$", error=errno.EIO),
    ],
    ids=["sync", "write", "no room", "read model", "snapshot"],
)
def test_one_fault_loses_nothing_and_the_daemon_goes_on(
    folder: Path, daemon: DaemonProcess, faults: Interposer, fault: Fault
) -> None:
    with connect(folder) as ledger:
        faults.arm(fault)
        outcomes = deposit_all(ledger)
        assert faults.happened == 1
        acknowledged = {one for one, what in outcomes.items() if isinstance(what, CommandAnswer)}
        refused = [what for what in outcomes.values() if isinstance(what, LedgerError)]
        assert acknowledged <= deposited(ledger).keys()
        assert all(str(refusal) for refusal in refused)

        again = deposit_all(ledger)

        assert all(isinstance(what, CommandAnswer) for what in again.values())
        assert deposited(ledger) == Counter(f"d{number}" for number in range(DEPOSITS))
        assert ledger.balance("a-1").balance == f"{DEPOSITS}.00"
        assert ledger.verify().ok
    assert daemon.stop() == 0


def test_a_disk_that_is_full_for_a_while_refuses_with_a_sentence(
    folder: Path, daemon: DaemonProcess, faults: Interposer
) -> None:
    no_room = Fault(
        action=Action.FAIL, calls=Call.WRITE, file=LOG, error=errno.ENOSPC, times=10_000
    )
    with connect(folder) as ledger:
        faults.arm(no_room)
        with pytest.raises(StorageFull, match="no room left on the disk"):
            ledger.send("DepositToAccount", account_uuid="a-1", amount="1.00")
        assert ledger.state("account", "a-1").balance == "0"
        faults.disarm()
        ledger.send("DepositToAccount", account_uuid="a-1", amount="1.00")
        assert ledger.state("account", "a-1").balance == "1.00"
    assert daemon.stop() == 0


def test_a_disk_that_fails_for_good_ends_the_daemon_and_the_next_one_is_whole(
    folder: Path, daemon: DaemonProcess, faults: Interposer
) -> None:
    broken = Fault(action=Action.FAIL, calls=Call.SYNC, file=LOG, error=errno.EIO, times=10_000)
    with connect(folder) as ledger:
        taken = ledger.send("DepositToAccount", account_uuid="a-1", amount="1.00")
        faults.arm(broken)
        with pytest.raises(LedgerError):
            ledger.send("DepositToAccount", account_uuid="a-1", amount="2.00")
    assert daemon.wait() == 1
    faults.disarm()
    daemon.start()
    with connect(folder) as ledger:
        assert taken[0] in list(ledger.events())
        assert ledger.verify().ok
        ledger.send("DepositToAccount", account_uuid="a-1", amount="1.00")


def test_a_daemon_whose_log_cannot_be_moved_ends_and_the_next_one_has_all_of_it(
    folder: Path, daemon: DaemonProcess, faults: Interposer
) -> None:
    faults.arm(Fault(action=Action.FAIL, calls=Call.SYNC, file=FILE, error=errno.EIO))
    acknowledged: list[str | None] = []
    with connect(folder) as ledger:
        outcomes = ledger.send_many(map(long_deposit, count()), window=256)
        taken = (one.events[0].command_id for one in outcomes if isinstance(one, CommandAnswer))
        with pytest.raises(LedgerUnavailable):
            acknowledged.extend(taken)
    assert acknowledged
    assert faults.happened == 1
    assert daemon.wait() == 1
    daemon.start()
    with connect(folder) as ledger:
        assert set(acknowledged) <= deposited(ledger).keys()
        assert ledger.verify().ok
    assert daemon.stop() == 0


def test_a_slow_disk_is_waited_for_and_a_timeout_says_what_to_do(
    folder: Path, daemon: DaemonProcess, faults: Interposer
) -> None:
    slow = Fault(action=Action.DELAY, calls=Call.SYNC, file=LOG, amount=20_000, times=10_000)
    stuck = Fault(action=Action.DELAY, calls=Call.SYNC, file=LOG, amount=3_000_000)
    with connect(folder) as ledger:
        faults.arm(slow)
        assert all(isinstance(what, CommandAnswer) for what in deposit_all(ledger).values())
        faults.arm(stuck)
        with pytest.raises(TimedOut):
            ledger.send("DepositToAccount", account_uuid="a-1", amount="5.00", command_id="late")
        (event,) = ledger.send(
            "DepositToAccount", account_uuid="a-1", amount="5.00", command_id="late"
        )
        assert event.command_id == "late"
        assert deposited(ledger)["late"] == 1
    assert daemon.stop() == 0
