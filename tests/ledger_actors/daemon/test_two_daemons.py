"""Two daemons, as processes: which of them may write, and what the other one's clients see."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, islice, takewhile
from pathlib import Path
from typing import Any

import pytest

from ledger_actors import Ledger, connect
from ledger_actors.daemon import errors
from ledger_actors.daemon.address import UnixDoor, door_link
from ledger_actors.daemon.protocol import CommandAnswer
from ledger_actors.daemon.target import Target
from ledger_actors.demos.daemon_process import DaemonProcess
from ledger_actors.store import SqliteEventStore
from tests.ledger_actors.daemon.raw_http import raw_client

HANG = 40.0
TEST = {"LEDGER_ENV": "test"}


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ledger_actors", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)


def found(ledger: Ledger) -> dict[str, Any]:
    """All that a reader can see of a ledger."""
    return {
        "head": ledger.status().head,
        "streams": {(one.stream, one.version): one.data for one in ledger.events()},
        "balances": list(ledger.balances()),
        "trial balance": ledger.trial_balance(),
        "memberships": list(ledger.memberships()),
        "products": list(ledger.products()),
        "states": [ledger.state("account", f"a-{number}") for number in range(5)],
    }


def deposits(prefix: str) -> Iterator[dict[str, Any]]:
    for number in count():
        data = {"account_uuid": f"a-{number % 5}", "amount": "1.00"}
        command_id = f"{prefix}-{number}"
        yield {"type": "DepositToAccount", "data": data, "command_id": command_id}


HEAD = (
    b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


def line(account: str, amount: str) -> bytes:
    """A deposit as one chunk of a stream of commands."""
    data = f'{{"account_uuid":"{account}","amount":"{amount}"}}'
    text = f'{{"type":"DepositToAccount","data":{data}}}\n'
    return f"{len(text):x}\r\n{text}\r\n".encode()


def open_accounts(ledger: Ledger) -> None:
    ledger.send("RegisterCompany", company_uuid="c-1", name="Acme")
    for number in range(5):
        ledger.send("OpenAccount", account_uuid=f"a-{number}", company_uuid="c-1")


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that does nothing for the while, as one on a machine that sleeps."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.external
def test_a_daemon_that_wakes_up_after_it_was_replaced_writes_nothing_and_ends(
    tmp_path: Path,
) -> None:
    """Its lock was deleted, as by an operator, or lost, as on a network's file system."""
    data = tmp_path / "data"
    old, new = DaemonProcess(data, **TEST), DaemonProcess(data, **TEST)
    try:
        old.start()
        with connect(data) as early, raw_client(data) as stream:
            open_accounts(early)
            stream.send(HEAD + line("a-0", "1.00"))
            stream.read_until(b"AccountCredited")
            with stopped(early.status().pid):
                (data / "events.lock").unlink()
                door_link(data).unlink()  # else who connects waits for the one that sleeps
                new.start()
                with connect(data) as late:
                    late.send("DepositToAccount", account_uuid="a-0", amount="5.00")
                    replacement = late.status().pid
            stream.send(line("a-0", "3.00"))  # on a connection that leads to the old one still
            assert b"AccountCredited" not in stream.read_to_end()
            assert old.wait() == 1
            early.send("DepositToAccount", account_uuid="a-0", amount="7.00")
            assert early.status().pid == replacement
        with connect(data) as ledger:
            assert ledger.status().pid == replacement
            assert ledger.state("account", "a-0").balance == "13.00"
            assert ledger.balance("a-0").balance == "13.00"
            assert ledger.verify().ok
    finally:
        old.kill_9()
        new.stop()
    with SqliteEventStore(data / "events.db", read_only=True) as store:
        assert store.verify().ok


@pytest.mark.external
def test_a_backup_under_load_is_a_ledger_of_its_own_that_equals_the_original_so_far(
    tmp_path: Path,
) -> None:
    data, copy = tmp_path / "original" / "data", tmp_path / "copy" / "data"
    copy.parent.mkdir()
    with DaemonProcess(data, **TEST), connect(data) as original:
        open_accounts(original)
        outcomes: list[Any] = []
        copied = threading.Event()

        def load() -> None:
            with connect(data) as ledger:
                sent = takewhile(lambda _: not copied.is_set(), deposits("load"))
                outcomes.extend(ledger.send_many(sent, window=8))

        loading = threading.Thread(target=load)
        loading.start()
        done = cli("backup", str(copy), "--data", str(data))
        copied.set()
        loading.join(HANG)
        assert (done.returncode, done.stderr) == (0, "")
        assert "the chain holds" in done.stdout
        refused = cli("backup", str(copy), "--data", str(data))
        assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
        assert "exists: a backup is a new folder" in refused.stderr
        assert all(isinstance(one, CommandAnswer) for one in outcomes)

        with DaemonProcess(copy, **TEST), connect(copy) as restored:
            head = restored.status().head
            states = [restored.state("account", f"a-{n}") for n in range(5)]
            assert states == [original.state("account", f"a-{n}", as_of=head) for n in range(5)]
            kept = list(restored.events())
            assert kept == list(original.events(up_to=head))

            sent = islice(deposits("load"), len(outcomes))
            again = list(restored.send_many(sent, window=64))
            assert not all(one.duplicate for one in again), "it went on while the copy was made"
            assert found(restored) == found(original)  # whatever the order between the streams

            check_two_ledgers(original, restored)


def check_two_ledgers(original: Ledger, restored: Ledger) -> None:
    """From here on each goes its own way, and their chains tell them apart."""
    assert original.verify().head_hash != restored.verify().head_hash, "recorded at other times"
    (here,) = original.send("DepositToAccount", account_uuid="a-0", amount="1.00", command_id="x")
    (there,) = restored.send("DepositToAccount", account_uuid="a-0", amount="2.00", command_id="x")
    assert here.id == there.id, "an id alone does not say whose event it is"
    assert original.status().folder != restored.status().folder
    assert original.verify().ok
    assert restored.verify().ok


def test_the_door_of_a_copied_folder_does_not_lead_to_the_original(tmp_path: Path) -> None:
    """In a deep folder it is a link, which is copied with the folder."""
    deep = tmp_path / ("deep-" * 20)
    original, copy = deep / "original", deep / "copy"
    door = UnixDoor(door_link(original))
    listening = door.open()
    try:
        assert door_link(original).is_symlink()
        shutil.copytree(original, copy, symlinks=True)
        with pytest.raises(errors.LedgerUnavailable, match=r"no ledger is running on .*/copy:"):
            Target(copy).connect()

        UnixDoor(door_link(copy)).open().close()  # as a daemon that starts on the copy does
        UnixDoor(door_link(copy)).close()

        assert door.path.exists(), "what was copied is not taken away from its owner"
        Target(original).connect().close()
    finally:
        listening.close()
        door.close()
    assert not door.path.exists()


def test_a_door_that_another_daemon_has_opened_meanwhile_stays(tmp_path: Path) -> None:
    first, second = UnixDoor(door_link(tmp_path)), UnixDoor(door_link(tmp_path))
    first.open().close()
    listening = second.open()
    first.close()
    Target(tmp_path).connect().close()
    listening.close()
    second.close()
    assert not door_link(tmp_path).exists()
