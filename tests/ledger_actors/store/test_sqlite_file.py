"""The file: who may open it, what is in it afterwards, and what happens when others write to it."""

from __future__ import annotations

import errno
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from ledger_actors.store import (
    Append,
    Appended,
    CorruptStore,
    NewEvent,
    Snapshot,
    SqliteEventStore,
    StoreClosed,
    StoreError,
    StoreLocked,
    StoreReplaced,
    StoreTakenOver,
    StoreTooNew,
    StoreUnavailable,
    StreamWrite,
    WrongExpectedVersion,
)
from ledger_actors.store.log_room import LogRoom
from supervision.clock import ManualClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "events.db"


def append(stream: str = "s", *, count: int = 1, **fields: object) -> Append:
    write = StreamWrite(stream, (NewEvent("A", '{"n":1}'),) * count)
    return Append((write,), **fields)  # type: ignore[arg-type]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def execute(path: Path, *statements: str) -> None:
    """Do to the file what somebody with the sqlite3 shell can do."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


class TestOpening:
    def test_folder_and_file_are_made(self, path: Path) -> None:
        with SqliteEventStore(path):
            assert path.exists()

    def test_what_was_written_is_there_after_a_restart(self, path: Path) -> None:
        with SqliteEventStore(path) as store:
            (first,) = store.append([append(command_id="c")])
        with SqliteEventStore(path) as store:
            (again,) = store.append([append(command_id="c")])
            (more,) = store.append([append()])
            assert isinstance(first, Appended)
            assert isinstance(more, Appended)
            assert again == Appended(first.events, duplicate=True)
            assert more.events[0].id == more.events[0].version == 2
            assert store.verify().ok

    def test_a_second_process_is_refused(self, path: Path) -> None:
        with SqliteEventStore(path):
            program = (
                "import sys; from ledger_actors.store import SqliteEventStore, StoreLocked\n"
                "try: SqliteEventStore(sys.argv[1])\n"
                "except StoreLocked as error: print(error)"
            )
            done = subprocess.run(
                [sys.executable, "-c", program, str(path)],
                check=True,
                capture_output=True,
                text=True,
                timeout=60,
            )
        assert "is in use by process" in done.stdout
        assert "one daemon to a data folder" in done.stdout

    def test_a_second_store_in_this_process_is_refused(self, path: Path) -> None:
        with SqliteEventStore(path), pytest.raises(StoreLocked, match="in use by process"):
            SqliteEventStore(path)

    def test_it_is_free_after_close(self, path: Path) -> None:
        SqliteEventStore(path).close()
        SqliteEventStore(path).close()

    def test_it_is_free_after_a_failed_opening(self, path: Path) -> None:
        path.parent.mkdir()
        path.write_text("this is no database, but it is long enough to be looked at" * 20)
        for _ in range(2):
            with pytest.raises(CorruptStore, match="no event store"):
                SqliteEventStore(path)

    @pytest.mark.parametrize("below", ["events.db", "data/events.db", "deep/data/events.db"])
    def test_a_file_in_the_place_of_a_folder_is_named_with_what_would_be_right(
        self, tmp_path: Path, below: str
    ) -> None:
        file = tmp_path / "file"
        file.write_text("")
        sentence = f"{file / below} cannot be opened for writing: {file} is no folder: name another"
        with pytest.raises(StoreUnavailable, match=f"^{re.escape(sentence)}"):
            SqliteEventStore(file / below)

    def test_a_link_to_nothing_in_the_place_of_a_folder_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "gone")
        with pytest.raises(StoreUnavailable, match="link is no folder"):
            SqliteEventStore(tmp_path / "link" / "events.db")

    def test_a_folder_in_the_place_of_the_file_is_named(self, path: Path) -> None:
        path.mkdir(parents=True)
        with pytest.raises(StoreUnavailable, match=r"events\.db is a folder"):
            SqliteEventStore(path)

    def test_a_folder_that_may_not_be_written_is_named(self, path: Path, monkeypatch: Any) -> None:
        """As a stand-in raises it: the superuser may write anywhere."""

        def refuse(*_: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", str(path.parent))

        monkeypatch.setattr(Path, "mkdir", refuse)
        with pytest.raises(
            StoreUnavailable, match=r"data may not be written \(Permission denied\)"
        ):
            SqliteEventStore(path)

    def test_only_its_owner_can_read_what_it_makes(self, tmp_path: Path) -> None:
        folder = tmp_path / "deep" / "data"
        with SqliteEventStore(folder / "events.db") as store:
            store.append([append()])
            store.save_snapshot(Snapshot("s", 1, 1, "state", 1, "{}"))
            store.backup(folder / "backup.db")
            modes = {one.name: mode(one) for one in folder.iterdir()}
        assert {"events.db", "events.db-wal", "events-snapshots.db-shm", "backup.db"} <= set(modes)
        assert set(modes.values()) == {0o600}
        assert mode(folder) == mode(folder.parent) == 0o700

    def test_what_is_there_keeps_its_mode_and_it_is_said_that_others_can_read_it(
        self, path: Path
    ) -> None:
        path.parent.mkdir()
        path.parent.chmod(0o755)
        with SqliteEventStore(path), capture_logs() as quiet:
            pass
        path.chmod(0o644)
        with capture_logs() as logs:
            SqliteEventStore(path).close()

        assert quiet == []
        (warning,) = logs
        assert (warning["path"], warning["mode"]) == (str(path), "0644")
        assert warning["remedy"] == f"chmod -R go= {path.parent}"
        assert (mode(path.parent), mode(path)) == (0o755, 0o644)

    def test_a_later_schema_is_refused(self, path: Path) -> None:
        SqliteEventStore(path).close()
        execute(
            path,
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('ledger_actors.events', '0999_from_the_future', '')",
        )
        with pytest.raises(StoreTooNew, match=r"later release .*0999_from_the_future"):
            SqliteEventStore(path)
        with pytest.raises(StoreTooNew):
            SqliteEventStore(path, read_only=True)

    @pytest.mark.parametrize(
        ("statement", "sentence"),
        [
            ("DELETE FROM events WHERE id = 3", "up to event 3, but the last one is 2"),
            ("DELETE FROM events", "up to event 3, but there are none"),
            ("UPDATE events SET hash = 'x' WHERE id = 3", "event 3 was replaced"),
        ],
    )
    def test_an_end_that_was_tampered_with_is_refused(
        self, path: Path, statement: str, sentence: str
    ) -> None:
        """Otherwise ids would be given twice."""
        with SqliteEventStore(path) as store:
            store.append([append(count=3)])
        execute(path, statement)
        with pytest.raises(CorruptStore, match=sentence):
            SqliteEventStore(path)


class TestReadOnly:
    def test_it_reads_beside_a_writer(self, path: Path) -> None:
        with SqliteEventStore(path) as store, SqliteEventStore(path, read_only=True) as reader:
            store.append([append()])
            assert reader.head() == 1
            assert reader.verify().ok

    def test_it_does_not_write(self, path: Path) -> None:
        SqliteEventStore(path).close()
        refused = pytest.raises(StoreUnavailable, match="reading only")
        with SqliteEventStore(path, read_only=True) as reader, refused:
            reader.append([append()])

    def test_it_makes_no_file(self, path: Path) -> None:
        path.parent.mkdir()
        with pytest.raises(StoreUnavailable, match="unable to open"):
            SqliteEventStore(path, read_only=True)
        assert not path.exists()


class TestClosed:
    @pytest.mark.parametrize("memory", [True, False])
    def test_every_use_says_that_it_is_closed(self, path: Path, memory: bool) -> None:
        store = SqliteEventStore(":memory:" if memory else path)
        store.append([append()])
        events = store.read_all(batch_size=1)
        next(events)
        store.close()
        store.close()
        for use in (
            store.head,
            lambda: store.append([append()]),
            lambda: next(events),
            lambda: store.delete_snapshots("s"),
            store.verify,
        ):
            with pytest.raises(StoreClosed, match="is closed"):
                use()


class TestAPersonWithTheShell:
    def test_the_log_reads_as_text(self, path: Path) -> None:
        clock = ManualClock(datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC))
        with SqliteEventStore(path, clock=clock) as store:
            store.append([append("account-1", command_id="c", author="me")])
        with closing(sqlite3.connect(path)) as connection:
            row = connection.execute(
                "SELECT id, stream, version, type, payload, author, recorded_at FROM event_log"
            ).fetchone()
        recorded_at = "2026-03-04T05:06:07.000089+00:00"
        assert row == (1, "account-1", 1, "A", '{"n":1}', "me", recorded_at)


class TestOtherWriters:
    """The lock keeps them out as a rule; it is gone if somebody deletes its file."""

    @pytest.fixture
    def store(self, path: Path) -> Iterator[SqliteEventStore]:
        with SqliteEventStore(path) as store:
            store.append([append(count=2)])
            yield store

    @contextmanager
    def intruder(self, path: Path) -> Iterator[SqliteEventStore]:
        path.with_suffix(".lock").unlink()
        with SqliteEventStore(path) as store:
            yield store

    def test_the_old_writer_is_out_when_a_new_one_has_opened_the_file(
        self, path: Path, store: SqliteEventStore
    ) -> None:
        with self.intruder(path) as other:
            other.append([append("t", count=3)])
            for _ in range(2):
                with pytest.raises(StoreTakenOver, match="by another daemon after this one"):
                    store.append([append()])
            (answer,) = other.append([append()])
            assert isinstance(answer, Appended)
            assert other.verify().ok

    def test_a_file_that_was_put_in_the_stores_place_is_not_written_beside(
        self, path: Path, store: SqliteEventStore
    ) -> None:
        """What went to the old file, which has no name any more, would be gone with the daemon."""
        store.backup(path.with_name("backup.db"))
        path.with_name("backup.db").replace(path)
        for _ in range(2):
            with pytest.raises(StoreReplaced, match="Stop the daemon before a backup is put"):
                store.append([append()])
        path.unlink()
        with pytest.raises(StoreReplaced):
            store.append([append()])

    def test_it_is_out_even_if_nothing_was_written(
        self, path: Path, store: SqliteEventStore
    ) -> None:
        with self.intruder(path), pytest.raises(StoreTakenOver):
            store.append([append()])

    def test_what_another_process_wrote_is_taken_into_account(
        self, path: Path, store: SqliteEventStore, tmp_path: Path
    ) -> None:
        """Somebody swaps in a longer history: the batch is decided again on what is there."""
        with SqliteEventStore(tmp_path / "other.db") as other:
            other.append([append(count=5)])
            other.append([append("new", command_id="c")])
        execute(
            path,
            f"ATTACH '{tmp_path / 'other.db'}' AS other",
            "DELETE FROM events",
            "DELETE FROM streams",
            "INSERT INTO streams SELECT * FROM other.streams",
            "INSERT INTO events SELECT * FROM other.events",
            "INSERT INTO commands SELECT * FROM other.commands",
            "UPDATE head SET event_id = o.event_id, hash = o.hash FROM other.head AS o",
        )
        stale = Append((StreamWrite("s", (NewEvent("B", "{}"),), expected=2),))
        taken, refused, repeated = store.append([append(), stale, append("x", command_id="c")])
        assert isinstance(taken, Appended)
        assert (taken.events[0].id, taken.events[0].version) == (7, 6)
        assert isinstance(refused, WrongExpectedVersion)
        assert isinstance(repeated, Appended)
        assert repeated.duplicate
        assert store.verify().ok

    def test_a_command_that_was_written_by_hand_is_found(
        self, path: Path, store: SqliteEventStore
    ) -> None:
        execute(path, "INSERT INTO commands VALUES ('c', NULL, 1, 2)")
        (answer,) = store.append([append(command_id="c")])
        assert isinstance(answer, Appended)
        assert answer.duplicate

    def test_a_row_in_the_way_surfaces(self, path: Path, store: SqliteEventStore) -> None:
        execute(path, "INSERT INTO events SELECT 3, 9, 1, '', 1, '', '', '', '', '', 0, '', 'x'")
        with pytest.raises(CorruptStore, match="up to event 2, but the last one is 3"):
            store.append([append()])
        execute(path, "DELETE FROM events WHERE id = 3")
        (answer,) = store.append([append()])
        assert isinstance(answer, Appended)
        assert store.verify().ok

    def test_a_command_in_the_way_is_decided_again(
        self, path: Path, store: SqliteEventStore
    ) -> None:
        """The unique constraint is the last lock: here nobody looks, as it cannot be there."""
        moment = store.moment()
        execute(path, "INSERT INTO commands VALUES ('c', NULL, 1, 2)")
        (answer,) = store.append([replace(append(command_id="c"), unseen_since=moment)])
        assert isinstance(answer, Appended)
        assert answer.duplicate

    def test_a_constraint_that_holds_twice_surfaces(
        self, path: Path, store: SqliteEventStore
    ) -> None:
        refuse = "BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'not here'); END"
        execute(path, f"CREATE TRIGGER refuse {refuse}")
        with pytest.raises(CorruptStore, match="does not take event 3: not here"):
            store.append([append()])
        execute(path, "DROP TRIGGER refuse")
        assert isinstance(store.append([append()])[0], Appended)


class TestFaults:
    def test_after_an_io_error_the_file_is_opened_afresh(self, path: Path) -> None:
        """A limit on the size of files stands for a failing disk: writes beyond it are errors."""
        with SqliteEventStore(path) as store:
            store.append([append()])
            limit = path.with_name("events.db-wal").stat().st_size + 2000
            failed = pytest.raises(StoreUnavailable, match="cannot be read or written")
            large = append(count=5_000, command_id="c")  # larger than the room in the log
            with failed, file_size_limit(limit):
                store.append([large])
            assert store.head() == 1
            (answer,) = store.append([large])
            assert isinstance(answer, Appended)
            assert not answer.duplicate
            assert store.verify().ok


class TestRoomInTheLog:
    def test_a_log_that_grew_grows_by_a_step_and_serves_many_commits(self, path: Path) -> None:
        with SqliteEventStore(path) as store:
            store.append([append()])
            log = path.with_name("events.db-wal")
            before = log.stat().st_size
            for _ in range(10):
                store.append([append()])
            assert log.stat().st_size == before

    def test_what_a_killed_process_leaves_is_read_up_to_the_room(self, path: Path) -> None:
        with SqliteEventStore(path) as store:
            for _ in range(3):
                store.append([append()])
            left = path.parent.with_name("left")
            shutil.copytree(path.parent, left, ignore=shutil.ignore_patterns("*-shm", "*.lock"))
        with SqliteEventStore(left / "events.db") as store:
            assert [event.version for event in store.read_all()] == [1, 2, 3]
            assert isinstance(store.append([append()])[0], Appended)
            assert store.verify().ok

    def test_an_empty_log_with_room_is_an_empty_log(self, path: Path) -> None:
        SqliteEventStore(path).close()
        path.with_name("events.db-wal").write_bytes(bytes(512 * 1024))
        with SqliteEventStore(path) as store:
            assert isinstance(store.append([append()])[0], Appended)
            assert store.verify().ok

    def test_where_only_a_part_can_be_had_commits_use_that(self, path: Path) -> None:
        with SqliteEventStore(path) as store:
            store.append([append(count=5_000)])  # larger than a step: there is no room after it
            log = path.with_name("events.db-wal")
            limit = log.stat().st_size + 100_000
            with file_size_limit(limit):
                assert isinstance(store.append([append()])[0], Appended)
                assert log.stat().st_size == limit
                assert isinstance(store.append([append()])[0], Appended)
            assert store.verify().ok

    def test_where_none_can_be_had_it_is_tried_again_at_the_next_commit(
        self, tmp_path: Path
    ) -> None:
        file, log = tmp_path / "x.db", tmp_path / "x.db-wal"
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute("CREATE TABLE t (x)")
            size = log.stat().st_size
            with closing(LogRoom(connection)) as room:
                with file_size_limit(size):
                    room.make()
                assert log.stat().st_size == size
                room.make()
                assert log.stat().st_size > size


class TestSnapshotFile:
    def test_it_may_be_deleted(self, path: Path) -> None:
        with SqliteEventStore(path) as store:
            store.append([append()])
            store.save_snapshot(Snapshot("s", 1, 1, "State", 1, "{}"))
        path.with_name("events-snapshots.db").unlink()
        with SqliteEventStore(path) as store:
            assert store.load_snapshot("s") is None

    def test_snapshots_of_another_history_are_left_out(self, path: Path) -> None:
        """The events were restored from a backup and went another way; the snapshots were not."""
        with SqliteEventStore(path) as store:
            store.append([append(count=2)])
            store.backup(path.with_name("backup.db"))
            store.append([append(), append("t")])
            for version in (2, 3):
                store.save_snapshot(Snapshot("s", version, version, "State", 1, f"{version}"))
        path.unlink()
        path.with_name("backup.db").rename(path)
        with SqliteEventStore(path) as store:
            store.append([append(author="somebody else")])
            found = store.load_snapshot("s")
            assert found is not None
            assert found.version == 2


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_every_error_is_the_stores_own() -> None:
    assert issubclass(StoreUnavailable, StoreError)
    assert issubclass(StoreUnavailable, OSError)
