"""Faults below SQLite, seen by whoever uses the store.

After each: what was acknowledged is there, also after a power cut; what was not has a clear error;
and the store goes on without a hand.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger_actors.store import SqliteEventStore
from tests.faults.interposer import Action, Call, Fault, Interposer
from tests.faults.store_process import Refusal, StoreProcess

pytestmark = pytest.mark.external

LOG, FILE = "events.db-wal$", "events.db$"
FIRST = ["c1", "c2", "c3"]
SEEDS = int(os.environ.get("FAULT_SEEDS", "4"))


@pytest.fixture
def left_by_a_power_cut(disk: Path, tmp_path: Path) -> Callable[[], list[str | None]]:
    """Return the commands in a store made of what is on the disk; it must be whole."""

    def look() -> list[str | None]:
        copy = tmp_path / "after-the-power-cut"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(disk, copy)
        with SqliteEventStore(copy / "events.db") as store:
            report = store.verify()
            assert report.ok, report.problems
            return [event.command_id for event in store.read_all()]

    return look


@pytest.mark.parametrize("skip", [0, 1, 2])
def test_a_write_that_fails_is_an_error_and_the_next_append_goes_in(
    store: StoreProcess,
    faults: Interposer,
    left_by_a_power_cut: Callable[[], list[str | None]],
    skip: int,
) -> None:
    faults.arm(Fault(action=Action.FAIL, calls=Call.WRITE, file=LOG, error=errno.EIO, skip=skip))
    with pytest.raises(Refusal, match=r"events\.db cannot be read or written") as refusal:
        store.append("c4")
    assert (faults.happened, refusal.value.kind) == (1, "StoreUnavailable")
    assert store.head() == 3
    assert store.append("c4") == 4
    assert left_by_a_power_cut() == [*FIRST, "c4"]


@pytest.mark.parametrize("amount", [1, 23, 4000])
def test_a_short_write_is_carried_on_with(
    store: StoreProcess,
    faults: Interposer,
    left_by_a_power_cut: Callable[[], list[str | None]],
    amount: int,
) -> None:
    fault = Fault(action=Action.SHORT, calls=Call.WRITE, file=LOG, amount=amount, times=20)
    faults.arm(fault)
    assert store.append("c4", size=20_000) == 4
    assert faults.happened > 1
    assert left_by_a_power_cut() == [*FIRST, "c4"]


def test_no_room_for_a_write_is_a_full_disk_and_the_store_goes_on(
    store: StoreProcess, faults: Interposer, left_by_a_power_cut: Callable[[], list[str | None]]
) -> None:
    no_room = Fault(
        action=Action.FAIL, calls=Call.WRITE, file=LOG, error=errno.ENOSPC, skip=3, times=1_000
    )
    faults.arm(no_room)
    for command_id in ("c4", "c5"):
        with pytest.raises(Refusal, match="no room left") as refusal:
            store.append(command_id, size=20_000)
        assert refusal.value.kind == "StoreFull"
    faults.disarm()
    assert store.append("c5") == 4
    assert left_by_a_power_cut() == [*FIRST, "c5"]


def test_a_sync_that_fails_is_an_error_and_the_next_append_goes_in(
    store: StoreProcess, faults: Interposer, left_by_a_power_cut: Callable[[], list[str | None]]
) -> None:
    faults.arm(Fault(action=Action.FAIL, calls=Call.SYNC, file=LOG, error=errno.EIO))
    with pytest.raises(Refusal) as refusal:
        store.append("c4")
    assert (faults.happened, refusal.value.kind) == (1, "StoreUnavailable")
    assert left_by_a_power_cut() == FIRST
    assert store.append("c5") == 4
    assert left_by_a_power_cut() == [*FIRST, "c5"]


def test_nothing_rests_on_what_a_failed_sync_left_to_be_read(
    store: StoreProcess,
    faults: Interposer,
    left_by_a_power_cut: Callable[[], list[str | None]],
) -> None:
    """After a kill the log can be read to its end, from the cache; the disk has a hole there."""
    assert store.head() == 3  # a reader keeps the log, as in a daemon
    faults.arm(Fault(action=Action.FAIL, calls=Call.SYNC, file=LOG, error=errno.EIO))
    with pytest.raises(Refusal):
        store.append("c4")
    store.kill_and_start_again()
    assert store.head() == 4
    assert left_by_a_power_cut() == [*FIRST, "c4"]
    assert store.append("c5") == 5
    assert left_by_a_power_cut() == [*FIRST, "c4", "c5"]


def test_a_file_that_cannot_be_synced_is_not_opened(
    store: StoreProcess,
    faults: Interposer,
    left_by_a_power_cut: Callable[[], list[str | None]],
) -> None:
    store.kill_and_start_again()
    faults.arm(Fault(action=Action.FAIL, calls=Call.SYNC, file=FILE, error=errno.EIO, times=99))
    with pytest.raises(Refusal, match="cannot be read or written"):
        store.open()
    assert faults.happened
    faults.disarm()
    assert store.append("c4") == 4
    assert left_by_a_power_cut() == [*FIRST, "c4"]


def test_a_checkpoint_without_room_is_made_again(
    store: StoreProcess, faults: Interposer, left_by_a_power_cut: Callable[[], list[str | None]]
) -> None:
    no_room = Fault(
        action=Action.FAIL, calls=Call.WRITE, file=FILE, error=errno.ENOSPC, skip=9, times=2
    )
    faults.arm(no_room)
    commands = [f"d{number}" for number in range(30)]
    for command_id in commands:
        store.append(command_id, size=1_000_000)
    assert faults.happened == 2
    assert left_by_a_power_cut() == [*FIRST, *commands]


def test_after_a_checkpoint_that_cannot_be_synced_the_next_process_writes_all_of_the_log_anew(
    folder: Path,
    store: StoreProcess,
    faults: Interposer,
    left_by_a_power_cut: Callable[[], list[str | None]],
) -> None:
    """A reader has kept an earlier one from finishing: SQLite would not copy those pages again."""
    commands = [f"d{number}" for number in range(30)]
    uri = f"{(folder / 'events.db').as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (3,)
        for command_id in commands[:17]:
            store.append(command_id, size=1_000_000)
        reader.execute("ROLLBACK")
    faults.arm(Fault(action=Action.FAIL, calls=Call.SYNC, file=FILE, error=errno.EIO))
    left = deque(commands[17:])
    while not faults.happened:
        store.append(left.popleft(), size=1_000_000)
    acknowledged = len(commands) - len(left)
    for attempt in (lambda: store.append("one more"), store.open, store.open):
        with pytest.raises(Refusal, match="started again") as refusal:
            attempt()
        assert refusal.value.kind == "StoreNotSynced"

    store.end_and_start_again()
    store.open()

    assert left_by_a_power_cut() == [*FIRST, *commands[:acknowledged]]
    assert store.append("c4") == 4 + acknowledged


def test_a_slow_disk_is_waited_for(store: StoreProcess, faults: Interposer) -> None:
    faults.arm(Fault(action=Action.DELAY, calls=Call.SYNC, file=LOG, amount=200_000))
    assert store.append("c4") == 4
    assert faults.happened == 1


@pytest.mark.parametrize("action", [Action.KILL_BEFORE, Action.KILL_HALFWAY, Action.KILL_AFTER])
@pytest.mark.parametrize("calls", [Call.WRITE, Call.SYNC])
def test_a_kill_in_a_commit_leaves_all_of_it_or_nothing(
    store: StoreProcess,
    faults: Interposer,
    left_by_a_power_cut: Callable[[], list[str | None]],
    action: Action,
    calls: Call,
) -> None:
    faults.arm(Fault(action=action, calls=calls, file=LOG, skip=4 if calls is Call.WRITE else 0))
    with pytest.raises(ConnectionError, match="-9"):
        store.append("c4", size=20_000)
    store.kill_and_start_again()
    assert store.head() in (3, 4)
    assert store.append("c4", size=20_000) == 4  # the same id: once, whatever was there
    assert store.head() == 4
    assert left_by_a_power_cut() == [*FIRST, "c4"]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_goes_wrong_what_was_acknowledged_survives_a_power_cut(
    store: StoreProcess,
    faults: Interposer,
    left_by_a_power_cut: Callable[[], list[str | None]],
    seed: int,
) -> None:
    """Faults at random, with the store opened again, or its process killed, now and then."""
    chance = random.Random(seed)
    acknowledged = list(FIRST)
    went_wrong = 0
    for number in range(60):
        if number % 3 == 0:
            went_wrong += faults.happened
            faults.arm(_some_fault(chance))
        command_id = f"r{number}"
        try:
            if chance.random() < 0.1:
                chance.choice([store.open, store.kill_and_start_again])()
            store.append(command_id, size=chance.choice([10, 5_000, 400_000]))
            acknowledged.append(command_id)
            store.head()
        except Refusal as refusal:
            if refusal.kind == "StoreNotSynced":  # as a daemon, which ends of it
                store.end_and_start_again()
        if number % 10 == 0:
            assert set(acknowledged) <= set(left_by_a_power_cut())
    faults.disarm()
    store.kill_and_start_again()
    assert store.append("last")
    there = left_by_a_power_cut()
    assert len(set(there)) == len(there)
    assert set(acknowledged) <= set(there)
    assert went_wrong > 5


def _some_fault(chance: random.Random) -> Fault:
    calls = chance.choice([Call.WRITE, Call.SYNC, Call.SYNC, Call.TRUNCATE])
    short = calls is Call.WRITE and chance.random() < 0.3
    return Fault(
        action=Action.SHORT if short else Action.FAIL,
        calls=calls,
        file=chance.choice([LOG, LOG, FILE, "events.db"]),
        skip=chance.randrange(4),
        times=chance.choice([1, 1, 3]),
        error=chance.choice([errno.EIO, errno.ENOSPC]),
        amount=chance.randrange(1, 4000),
    )
