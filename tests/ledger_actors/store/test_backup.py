"""A copy of a store in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger_actors.store import Append, NewEvent, SqliteEventStore, StoreUnavailable, StreamWrite


def append(stream: str = "s") -> Append:
    return Append((StreamWrite(stream, (NewEvent("A", "{}"),)),))


@pytest.mark.parametrize("memory", [True, False])
def test_it_holds_what_was_committed(tmp_path: Path, memory: bool) -> None:
    with SqliteEventStore(":memory:" if memory else tmp_path / "events.db") as store:
        store.append([append(f"s-{number}") for number in range(300)])
        store.backup(tmp_path / "backup.db")
        store.append([append()])
        original = list(store.read_all(up_to=300))
    with SqliteEventStore(tmp_path / "backup.db") as copy:
        assert list(copy.read_all()) == original
        assert copy.verify().ok
        copy.append([append()])


def test_it_is_one_file(tmp_path: Path) -> None:
    with SqliteEventStore(":memory:") as store:
        store.append([append()])
        store.backup(tmp_path / "backup.db")
    assert [file.name for file in tmp_path.iterdir()] == ["backup.db"]


def test_an_existing_file_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    target.write_text("precious")
    refused = pytest.raises(StoreUnavailable, match="exists: a backup is a new file")
    with SqliteEventStore(":memory:") as store, refused:
        store.backup(target)
    assert target.read_text() == "precious"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    refused = pytest.raises(StoreUnavailable, match=r"nowhere/backup\.db cannot be")
    with SqliteEventStore(":memory:") as store, refused:
        store.backup(tmp_path / "nowhere" / "backup.db")
