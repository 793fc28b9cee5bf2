"""A backup as a data folder: whole or not there, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ledger_actors.store import (
    Append,
    NewEvent,
    SqliteEventStore,
    StoreError,
    StoreLocked,
    StoreUnavailable,
    StreamWrite,
)
from ledger_actors.store import backup as backups
from ledger_actors.store.backup_folder import backup_folder
from ledger_actors.store.folder_lock import FolderLock

HANG = 20.0


def append(stream: str = "s", size: int = 2) -> Append:
    return Append((StreamWrite(stream, (NewEvent("A", '"' + "x" * size + '"'),)),))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    with SqliteEventStore(folder / "events.db") as store:
        store.append([append(f"s-{number}") for number in range(300)])
    return folder


def partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")


def check_whole(target: Path, head: int) -> None:
    with SqliteEventStore(target / "events.db") as copy:
        assert copy.head() == head
        assert copy.verify().ok
        copy.append([append()])
    assert not partial(target).exists()


def test_it_can_be_opened_as_a_store(data: Path, tmp_path: Path) -> None:
    backup_folder(data, tmp_path / "copy")
    assert {one.name for one in (tmp_path / "copy").iterdir()} == {"events.db", "events.lock"}
    check_whole(tmp_path / "copy", 300)


def test_it_is_of_one_moment_while_others_write(data: Path, tmp_path: Path) -> None:
    with SqliteEventStore(data / "events.db") as store:
        enough = threading.Event()

        def write() -> None:
            while not enough.is_set():
                store.append([append(), append("t")])

        writing = threading.Thread(target=write)
        writing.start()
        try:
            for number in range(5):
                backup_folder(data, tmp_path / f"copy-{number}")
        finally:
            enough.set()
            writing.join(HANG)
        for number in range(5):
            with SqliteEventStore(tmp_path / f"copy-{number}" / "events.db") as copy:
                assert copy.head() % 2 == 0, "a commit is there wholly or not at all"
                assert copy.verify().ok
                assert list(copy.read_all()) == list(store.read_all(up_to=copy.head()))


@pytest.mark.parametrize("there", ["folder", "file", "link to nothing"])
def test_what_is_there_is_not_replaced(data: Path, tmp_path: Path, there: str) -> None:
    target = tmp_path / "copy"
    if there == "folder":
        target.mkdir()
    elif there == "file":
        target.write_text("precious")
    else:
        target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreUnavailable, match="exists: a backup is a new folder"):
        backup_folder(data, target)
    assert not partial(target).exists()


def test_a_folder_without_events_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"nothing is no data folder: .* no events\.db"):
        backup_folder(tmp_path / "nothing", tmp_path / "copy")


def test_two_at_once_to_one_folder_are_refused(data: Path, tmp_path: Path) -> None:
    partial(tmp_path / "copy").mkdir()
    lock = FolderLock(partial(tmp_path / "copy") / "events.lock")
    with pytest.raises(StoreLocked):
        backup_folder(data, tmp_path / "copy")
    lock.release()
    backup_folder(data, tmp_path / "copy")
    check_whole(tmp_path / "copy", 300)


def test_a_full_disk_leaves_nothing_behind(data: Path, small_disk: Path) -> None:
    with SqliteEventStore(data / "events.db") as store:
        store.append([append(size=6_000_000)])
    with pytest.raises(StoreError, match=r"no room left|cannot be"):
        backup_folder(data, small_disk / "copy")
    assert list(small_disk.iterdir()) == []


def test_an_error_at_the_end_leaves_nothing_behind(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(backups, "sync_folder", fail)
    with pytest.raises(StoreUnavailable, match="Input/output error"):
        backup_folder(data, tmp_path / "copy")
    assert [one.name for one in tmp_path.iterdir()] == ["data"]


@pytest.mark.external
@pytest.mark.parametrize("at", ["_copy", "rename"])
def test_one_that_was_killed_is_not_there_and_the_next_one_is_whole(
    data: Path, tmp_path: Path, at: str
) -> None:
    """Killed with -9 when half of the file is written, and when all of it is."""
    target = tmp_path / "copy"
    program = f"""
import os, signal, sys
from pathlib import Path
from ledger_actors.store import backup
from ledger_actors.store.backup_folder import backup_folder

def killed(*args):
    if {at!r} == "_copy":
        args[1].write_bytes(b"SQLite format 3" + bytes(5000))
    os.kill(os.getpid(), signal.SIGKILL)

setattr(backup if {at!r} == "_copy" else Path, {at!r}, killed)
backup_folder(Path(sys.argv[1]), Path(sys.argv[2]))
"""
    command = [sys.executable, "-c", program, str(data), str(target)]
    done = subprocess.run(command, env={**os.environ}, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not target.exists()
    assert partial(target).exists()

    backup_folder(data, target)
    check_whole(target, 300)
