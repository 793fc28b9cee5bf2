"""`verify` names the row, whatever was done to it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger_actors.store import (
    Append,
    NewEvent,
    PositionUpdate,
    SqliteEventStore,
    StreamWrite,
    VerifyReport,
    verification,
)

TOTAL = 12


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A store with events 1 to 12, in turn of the streams a, b and c, two to a command."""
    path = tmp_path / "events.db"
    with SqliteEventStore(path) as store:
        streams = [("a", "b"), ("c", "a"), ("b", "c")] * 2
        for number, pair in enumerate(streams):
            writes = tuple(StreamWrite(s, (NewEvent("A", f'{{"n":{number}}}'),)) for s in pair)
            store.append([Append(writes, command_id=f"c{number}", author="me")])
        store.append([Append(position=PositionUpdate("pm", 5, None))])
    return path


def verify_after(path: Path, *statements: str) -> VerifyReport:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    with SqliteEventStore(path, read_only=True) as store:
        return store.verify()


def move(old: int, new: int) -> str:
    return f"UPDATE events SET id = {new} WHERE id = {old}"


def test_a_store_that_nobody_touched_is_fine(path: Path) -> None:
    report = verify_after(path)
    assert report.ok
    assert report.problems == ()
    assert (report.events, report.head) == (TOTAL, TOTAL)


def test_an_empty_store_is_fine() -> None:
    with SqliteEventStore(":memory:") as store:
        assert store.verify() == VerifyReport(0, True, (), 0, "0" * 64)


INSERTED = (
    "INSERT INTO events SELECT {id}, stream_id, 99, type, schema_version, payload, author,"
    " correlation_id, causation_id, NULL, 0, recorded_at, hash FROM events WHERE id = 4"
)


@pytest.mark.parametrize(
    ("statements", "event_id", "what"),
    [
        (["UPDATE events SET payload = '{}' WHERE id = 5"], 5, r"event 5 \(version 2 of 'b'\) was"),
        (["UPDATE events SET payload = x'00ff' WHERE id = 5"], 5, "event 5 .* was changed"),
        (["UPDATE events SET payload = CAST(x'ff' AS TEXT) WHERE id = 5"], 5, "event 5 .* changed"),
        (["UPDATE events SET author = NULL WHERE id = 5"], 5, "event 5 .* was changed"),
        (["UPDATE events SET type = 'B' WHERE id = 5"], 5, "event 5 .* was changed"),
        (["UPDATE events SET recorded_at = '' WHERE id = 5"], 5, "event 5 .* was changed"),
        (["UPDATE events SET hash = 'x' WHERE id = 5"], 5, "event 5 .* was changed"),
        (["UPDATE events SET stream_id = 77 WHERE id = 5"], 5, "stream that is not recorded"),
        (["UPDATE streams SET name = 'z' WHERE name = 'b'"], 2, r"event 2 .*'z'\) was changed"),
        (["DELETE FROM events WHERE id = 1"], 1, "event 1 is missing"),
        (["DELETE FROM events WHERE id = 5"], 5, "event 5 is missing"),
        (["DELETE FROM events WHERE id IN (5, 6, 7)"], 5, "events 5 to 7 are missing"),
        (["DELETE FROM events WHERE id > 10"], 11, "events 11 to 12 are missing at the end"),
        (["DELETE FROM events"], 1, "events 1 to 12 are missing at the end"),
        ([move(5, 99), move(6, 5), move(99, 6)], 5, r"event 5 .* in the place of another"),
        ([move(5, 99), move(6, 5), move(99, 6)], 6, r"event 6 .* in the place of another"),
        ([INSERTED.format(id=13)], 13, "event 13 was put in after the last one, 12"),
        ([INSERTED.format(id=0)], 0, "event 0 was put in"),
        (["DELETE FROM events WHERE id = 5", INSERTED.format(id=5)], 5, "event 5 .* changed"),
        (
            ["UPDATE events SET version = 9 WHERE id = 9"],
            9,
            "event 9 is version 9 .*there is a gap",
        ),
        (["DELETE FROM events WHERE id = 5"], 8, "event 8 is version 3 of 'b', after 1.* gap"),
        (["UPDATE head SET event_id = 11"], 12, "event 12 was put in after the last one"),
        (["UPDATE head SET hash = 'x'"], 12, "event 12 is not the one that was written last"),
        (["DELETE FROM head"], None, "head row is missing"),
        (["DELETE FROM commands WHERE command_id = 'c2'"], 5, "not among those .* command 'c2'"),
        (["UPDATE commands SET event_count = 1 WHERE command_id = 'c2'"], 6, "command 'c2'"),
        (["UPDATE commands SET first_event_id = 1 WHERE command_id = 'c2'"], 5, "command 'c2'"),
        (["INSERT INTO commands VALUES ('x', NULL, 3, 1)"], 3, "for command 'x' are not its own"),
        (["INSERT INTO commands VALUES ('x', NULL, 99, 1)"], 99, "command 'x' are beyond the log"),
        (["INSERT INTO commands VALUES ('x', NULL, 12, 2)"], 12, "command 'x' are beyond the log"),
        (["INSERT INTO commands VALUES ('x', NULL, 3, -1)"], 3, "command 'x' are beyond the log"),
        (["UPDATE positions SET event_id = 13"], None, "position of 'pm', 13, is ahead of the log"),
    ],
)
def test_it_names_what_was_done(
    path: Path, statements: list[str], event_id: int | None, what: str
) -> None:
    report = verify_after(path, *statements)
    assert not report.ok
    found = [(problem.event_id, problem.what) for problem in report.problems]
    assert any(named == event_id and re.search(what, said) for named, said in found), found


def test_one_changed_row_is_named_alone(path: Path) -> None:
    report = verify_after(path, "UPDATE events SET payload = '{}' WHERE id = 5")
    assert [problem.event_id for problem in report.problems] == [5]


def test_versions_out_of_the_logs_order_are_named(path: Path) -> None:
    versions = ((1, 100), (4, 1), (1, 2))
    swap = [f"UPDATE events SET version = {version} WHERE id = {id_}" for id_, version in versions]
    report = verify_after(path, *swap)
    said = [problem.what for problem in report.problems]
    assert "event 1 is version 2 of 'a', but comes before event 4, version 1" in said


def test_pages_do_not_change_what_is_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damage = ["DELETE FROM events WHERE id = 5", "UPDATE events SET payload = 1 WHERE id = 8"]
    expected = verify_after(path, *damage)
    for size in (1, 2, 3, 5):
        monkeypatch.setattr(verification, "_PAGE", size)
        assert verify_after(path) == expected


def test_the_number_of_problems_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "MOST_PROBLEMS", 3)
    report = verify_after(path, "UPDATE events SET payload = ''")
    assert len(report.problems) == 3


def test_a_damaged_file_is_a_finding(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 3000)
    report = verify_after(path)
    assert not report.ok


def test_it_tells_how_far_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "_PAGE", 5)
    told: list[tuple[int, int]] = []
    with SqliteEventStore(path) as store:
        store.verify(lambda done, total: told.append((done, total)))
    assert told == [(5, 12), (10, 12), (12, 12)]


def test_what_is_written_meanwhile_is_no_problem(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "_PAGE", 1)
    with SqliteEventStore(path) as store:

        def write_more(_done: int, _total: int) -> None:
            event = NewEvent("A", "{}")
            store.append([Append((StreamWrite("a", (event,)), StreamWrite("new", (event,))))])

        report = store.verify(write_more)
        assert report.ok, report.problems
        assert report.events == TOTAL
