"""A full disk, seen from the daemon's door."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from ledger_actors import Ledger, connect
from ledger_actors.daemon.errors import StorageFull
from ledger_actors.demos.daemon_process import DaemonProcess

pytestmark = pytest.mark.external

ROOM = 8_000_000
"""Bytes that are taken away, and given back when the disk has been seen to be full.

A deposit takes some 20 kB in each of the files that know of it, and a projector may be far behind.
"""


def deposit(ledger: Ledger, number: int) -> None:
    ledger.send(
        "DepositToAccount",
        account_uuid="a-1",
        amount="1.00",
        text="x" * 1_900,
        command_id=f"deposit-{number}",
    )


def deposit_until_full(ledger: Ledger) -> tuple[int, str]:
    """Deposit until it is refused; return how many were taken, and what was said."""
    for number in range(5_000):
        try:
            deposit(ledger, number)
        except StorageFull as full:
            return number, str(full)
    pytest.fail("it never got full")


def register_until_full(ledger: Ledger, filler: Path) -> tuple[int, str]:
    """Register companies until it is refused; return how many were taken, and what was said.

    The first may be: a projector that could not write has given its own room back. So what there
    is of it is taken away before each.
    """
    for number in range(100):
        with filler.open("ab", buffering=0) as rest, suppress(OSError):
            while True:
                rest.write(bytes(4096))
        try:
            ledger.send("RegisterCompany", company_uuid=f"other-{number}", name="Other")
        except StorageFull as full:
            return number, str(full)
    pytest.fail("there was room again and again")


@pytest.mark.parametrize("small_disk", [16], indirect=True, ids=["16 MB"])
def test_commands_are_refused_with_a_sentence_until_there_is_room_again(small_disk: Path) -> None:
    ballast, filler = small_disk / "ballast", small_disk / "filler"
    with (
        DaemonProcess(small_disk, LEDGER_ENV="test") as daemon,
        connect(small_disk) as ledger,
    ):
        ledger.send("RegisterCompany", company_uuid="c-1", name="Acme")
        ledger.send("OpenAccount", account_uuid="a-1", company_uuid="c-1")
        ballast.write_bytes(b"x" * ROOM)
        taken, said = deposit_until_full(ledger)
        assert "no room left on the disk" in said
        others, said = register_until_full(ledger, filler)
        assert "no room left on the disk" in said
        assert ledger.state("account", "a-1").balance == f"{taken}.00"  # it lives, and answers
        assert ledger.status().head == taken + others + 2
        assert all(consumer.alive for consumer in ledger.status().consumers)

        ballast.unlink()
        filler.unlink()
        deposit(ledger, taken)

        assert ledger.balance("a-1").balance == f"{taken + 1}.00"  # its projector waited for room
        assert ledger.trial_balance().holds
        assert ledger.verify().ok
        assert daemon.stop() == 0
