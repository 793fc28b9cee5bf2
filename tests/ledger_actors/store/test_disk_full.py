"""A full disk refuses commands and ends nothing."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from ledger_actors.store import (
    Append,
    Appended,
    NewEvent,
    Snapshot,
    SqliteEventStore,
    StoreFull,
    StoreUnavailable,
    StreamWrite,
    faults,
)


def append(number: int, size: int = 20_000) -> Append:
    event = NewEvent("A", '"' + "x" * size + '"')
    return Append((StreamWrite("s", (event,)),), command_id=f"c{number}")


def fill(store: SqliteEventStore) -> int:
    """Append until it is refused; return how many were taken."""
    for number in range(1000):
        (answer,) = store.append([append(number)])
        if isinstance(answer, StoreFull):
            return number
        assert isinstance(answer, Appended)
    pytest.fail("it never got full")


def test_a_full_disk_refuses_the_batch_and_takes_it_when_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 2_000_000)
    with SqliteEventStore(small_disk / "events.db") as store:
        taken = fill(store)
        refused = store.append([append(2000), append(2001)])
        assert [type(answer) for answer in refused] == [StoreFull, StoreFull]
        assert store.head() == taken
        assert store.stream_version("s") == taken
        ballast.unlink()
        answers = store.append([append(taken), append(2000)])
        assert [type(answer) for answer in answers] == [Appended, Appended]
        assert store.find_command("c0") is not None
        assert store.verify().ok
    with SqliteEventStore(small_disk / "events.db") as store:
        assert store.head() == taken + 2
        assert store.verify().ok


def test_a_snapshot_on_a_full_disk_is_refused(small_disk: Path) -> None:
    with SqliteEventStore(small_disk / "events.db") as store:
        store.append([append(1, size=10)])
        snapshot = Snapshot("s", 1, 1, "State", 1, '"' + "x" * 5_000_000 + '"')
        with pytest.raises(StoreFull, match="no room left"):
            store.save_snapshot(snapshot)
        assert store.load_snapshot("s") is None
        assert isinstance(store.append([append(2, size=10)])[0], Appended)


def test_a_backup_to_a_full_disk_leaves_nothing_behind(small_disk: Path, tmp_path: Path) -> None:
    with SqliteEventStore(tmp_path / "events.db") as store:
        for number in range(300):
            store.append([append(number)])
        with pytest.raises((StoreFull, StoreUnavailable)):
            store.backup(small_disk / "backup.db")
        assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("memory", [True, False])
def test_a_limit_on_pages_is_a_full_disk(tmp_path: Path, memory: bool) -> None:
    """The same where nothing can be mounted: SQLite's own limit gives the same error."""
    with SqliteEventStore(":memory:" if memory else tmp_path / "events.db") as store:
        assert store._writer is not None
        limit = store._writer.connection.execute("PRAGMA max_page_count = 100").fetchone()
        assert limit == (100,)
        taken = fill(store)
        assert store.head() == taken
        store._writer.connection.execute("PRAGMA max_page_count = 1000").fetchone()
        (answer,) = store.append([append(taken)])
        assert isinstance(answer, Appended)
        assert answer.events[0].id == taken + 1
        assert store.verify().ok


def test_a_sync_that_fails_on_a_full_disk_is_not_called_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All was written then, and may stay: "nothing was written" would be a lie."""
    monkeypatch.setattr(faults, "_disk_is_full", lambda _path: True)
    for code, kind in (
        (sqlite3.SQLITE_IOERR_WRITE, StoreFull),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreUnavailable),
    ):
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = code
        assert type(faults.translation(error, "events.db")) is kind


def test_the_error_is_the_systems_own_too() -> None:
    error = StoreFull("data/events.db")
    assert isinstance(error, OSError)
    assert error.errno == errno.ENOSPC
    assert str(error) == "no room left on the disk of data/events.db: nothing was written"
