"""Files of earlier releases: each step of the schema leads to this release's, also in two goes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

from ledger_actors.store import (
    Append,
    Appended,
    NewEvent,
    PositionUpdate,
    RecordedEvent,
    SqliteEventStore,
    StoreTooNew,
    StreamWrite,
)
from ledger_actors.store.migrations import EVENTS

with Database(memory=True, execute_plugins=False) as _empty:
    STEPS = [step.name for step in EVENTS.pending(_empty)]
FIRST_WHOLE = STEPS.index("0004_head")
"""Before this step no release had shipped; from it on a file holds all that a store needs."""

BEFORE = STEPS[FIRST_WHOLE:-1]


def schema(path: Path) -> set[tuple[str, str, str]]:
    """What there is in a file: type, name and definition."""
    query = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    with closing(sqlite3.connect(path)) as connection:
        return set(connection.execute(query))


UNDONE = {
    "0007_stream_events": (
        "CREATE UNIQUE INDEX events_by_stream ON events (stream_id, version)",
        "DROP TABLE stream_events",
        *(
            f"ALTER TABLE head DROP COLUMN {column}"
            for column in ("moved_to", "moving_to", "moved_stream", "moved_version")
        ),
    ),
    "0006_dealt": ("DROP TABLE processed", "DROP TABLE counted", "DROP TABLE parked"),
    "0005_event_log": ("DROP VIEW event_log",),
}
"""What takes each step back."""


@contextmanager
def release(last_step: str) -> Iterator[Migrations]:
    """The steps as the release had them whose last one was `last_step`."""
    shipped = Migrations("ledger_actors.events")
    shipped._migrations = EVENTS._migrations[: STEPS.index(last_step) + 1]
    yield shipped


def write_as(last_step: str, path: Path) -> list[RecordedEvent]:
    """Write a store, and take the steps back that this release did not have; return its events."""
    with SqliteEventStore(path) as store:
        for number in range(20):
            write = StreamWrite(f"s-{number % 3}", (NewEvent("A", f'{{"n":{number}}}'),))
            position = PositionUpdate("late_fees", number + 1, number or None)
            store.append([Append((write,), command_id=f"c-{number}", position=position)])
        events = list(store.read_all())
    with closing(sqlite3.connect(path)) as connection, connection:
        for step in reversed(STEPS[STEPS.index(last_step) + 1 :]):
            for statement in UNDONE[step]:
                connection.execute(statement)
            connection.execute("DELETE FROM _sqlite_migrations WHERE name = ?", (step,))
    return events


@pytest.mark.parametrize("last_step", BEFORE)
def test_a_store_of_an_earlier_release_is_opened_verified_and_written(
    tmp_path: Path, last_step: str
) -> None:
    path = tmp_path / "events.db"
    events = write_as(last_step, path)
    with SqliteEventStore(path) as store:
        assert list(store.read_all()) == events
        assert list(store.read_stream("s-1")) == events[1::3]
        assert store.verify().ok
        assert store.position("late_fees") == 20
        found = store.find_command("c-7")
        assert found is not None
        assert list(found.events) == [events[7]]
        (answer,) = store.append([Append((StreamWrite("s-0", (NewEvent("A", "{}"),)),))])
        assert isinstance(answer, Appended)
        assert (answer.events[0].id, answer.events[0].version) == (21, 8)
        assert store.verify().ok
    SqliteEventStore(tmp_path / "new.db").close()
    assert schema(path) == schema(tmp_path / "new.db")


@pytest.mark.parametrize("last_step", BEFORE)
def test_a_store_of_an_earlier_release_is_read_without_an_upgrade(
    tmp_path: Path, last_step: str
) -> None:
    """A backup is made before the new release is started: it changes nothing in the original."""
    path = tmp_path / "events.db"
    events = write_as(last_step, path)
    before = schema(path)
    with SqliteEventStore(path, read_only=True) as store:
        assert list(store.read_all()) == events
        assert list(store.read_stream("s-1", after_version=2)) == events[7::3]
        assert store.stream_version("s-1") == 7
        assert store.verify().ok
        store.backup(tmp_path / "backup.db")
    assert schema(path) == before
    with SqliteEventStore(tmp_path / "backup.db") as store:
        assert list(store.read_all()) == events


@pytest.mark.parametrize("last_step", BEFORE)
def test_an_earlier_release_refuses_what_this_one_has_upgraded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_step: str
) -> None:
    path = tmp_path / "events.db"
    SqliteEventStore(path).close()
    with release(last_step) as shipped, monkeypatch.context() as patch:
        patch.setattr("ledger_actors.store.sqlite.EVENTS", shipped)
        with pytest.raises(StoreTooNew, match=f"later release .*{STEPS[-1]}"):
            SqliteEventStore(path)


@pytest.mark.external
@pytest.mark.parametrize("step", STEPS)
def test_an_upgrade_that_was_killed_in_a_step_is_finished_at_the_next_start(
    tmp_path: Path, step: str
) -> None:
    """Killed with -9 when the step has done its work and before that is committed."""
    path = tmp_path / "events.db"
    program = f"""
import os, signal, sys
from ledger_actors.store import SqliteEventStore
from ledger_actors.store.migrations import EVENTS

for migration in EVENTS._migrations:
    if migration.name == {step!r}:
        def killed(db, work=migration.fn):
            work(db)
            os.kill(os.getpid(), signal.SIGKILL)
        migration.fn = killed
SqliteEventStore(sys.argv[1])
"""
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, env={**os.environ}, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    with SqliteEventStore(path) as store:
        (answer,) = store.append([Append((StreamWrite("s", (NewEvent("A", "{}"),)),))])
        assert isinstance(answer, Appended)
        assert store.verify().ok
    SqliteEventStore(tmp_path / "new.db").close()
    assert schema(path) == schema(tmp_path / "new.db")
