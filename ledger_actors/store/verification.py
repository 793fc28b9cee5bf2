"""Check a store: the hash chain row by row, and what else must hold between the tables.

A row is checked against the *stored* hash of the row before it, so one changed row is named
alone and not with all that follow. What hashes cannot see is somebody who changes a row and
recomputes the whole chain and the head: against that, keep `VerifyReport.head_hash` elsewhere. Nor
do they cover what has no events: a position that was set back (its consumer finds what it has done
by the command ids), and a command that led to nothing.

The check is of the store as it is when it begins; what is written meanwhile is left alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Any

from ledger_actors.store.chain import GENESIS, link
from ledger_actors.store.connections import Readers
from ledger_actors.store.errors import CorruptStore
from ledger_actors.store.event_rows import FIELDS
from ledger_actors.store.model import Problem, VerifyReport
from ledger_actors.store.rows import fetch
from ledger_actors.store.stream_tail import Place

__all__ = ["MOST_PROBLEMS", "verify"]

MOST_PROBLEMS = 1000
"""As many problems are named; a store with more is beyond naming rows."""

_PAGE = 1000
_SMALLEST = -(2**63)

_EVENTS = "FROM events AS e LEFT JOIN streams AS s ON s.id = e.stream_id"
_HEAD = """
SELECT event_id, hash,
       (SELECT count(*) FROM events),
       (SELECT hash FROM events WHERE id = event_id),
       (SELECT min(id) FROM events WHERE id > event_id),
       moved_to, (SELECT count(*) FROM stream_events WHERE event_id <= moved_to)
FROM head
"""
_PLACES = ("stream_id", "version", "event_id")
_INDEXED = (
    "FROM stream_events WHERE (stream_id, version) > (?, ?) ORDER BY stream_id, version LIMIT ?"
)
_PLACES_OF_NEWEST = ("stream_id", "version", "id")
_NEWEST = "FROM events WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
_NOT_INDEXED = """
SELECT e.id FROM events AS e
LEFT JOIN stream_events AS x ON x.stream_id = e.stream_id AND x.version = e.version
WHERE e.id > ? AND e.id <= ? AND x.event_id IS NOT e.id ORDER BY e.id
"""
_INDEXED_WRONGLY = """
SELECT x.event_id FROM stream_events AS x LEFT JOIN events AS e ON e.id = x.event_id
WHERE x.event_id > ?
  AND (e.id IS NULL OR e.stream_id <> x.stream_id OR e.version <> x.version) LIMIT ?
"""
_LOST_COMMANDS = """
SELECT e.id, e.command_id FROM events AS e
LEFT JOIN commands AS c ON c.command_id = e.command_id
WHERE e.id > ? AND e.id <= ? AND e.command_id IS NOT NULL
  AND (c.command_id IS NULL OR e.id <> c.first_event_id + e.command_index
       OR e.command_index >= c.event_count)
ORDER BY e.id
"""
_LOST_EVENTS = """
SELECT c.command_id, c.first_event_id FROM commands AS c
WHERE c.event_count > 0 AND c.first_event_id <= ? AND NOT EXISTS (
  SELECT 1 FROM events AS e WHERE e.id = c.first_event_id + c.event_count - 1
    AND e.command_id = c.command_id AND e.command_index = c.event_count - 1)
ORDER BY c.first_event_id LIMIT ?
"""
_COMMANDS_BEYOND = """
SELECT command_id, first_event_id FROM commands
WHERE event_count < 0 OR first_event_id < 1
   OR first_event_id + event_count - 1 > (SELECT event_id FROM head)
ORDER BY first_event_id LIMIT ?
"""

Row = list[Any]


@dataclass(frozen=True, slots=True)
class _Store:
    """The store as it is when the check begins."""

    readers: Readers
    progress: Callable[[int, int], None]
    head: int
    head_hash: str
    events: int
    last_hash: str | None
    """The hash of the event that the head row names, if there is one."""
    beyond: int | None
    """The first event after the head, of which there must be none."""
    indexed: int
    """The event up to which all are in the index of streams."""
    places: int
    """The rows of that index up to there; it may have some of later events, too."""

    def rows(self, query: str, *values: object) -> list[Any]:
        with self.readers.lease() as connection:
            return connection.execute(query, values).fetchall()


def verify(readers: Readers, progress: Callable[[int, int], None] | None = None) -> VerifyReport:
    """Check every row; see `EventStore.verify`."""
    try:
        with readers.lease() as connection:
            head = connection.execute(_HEAD).fetchone()
    except CorruptStore as error:
        return _hopeless(str(error))
    if head is None:
        return _hopeless("the head row is missing")
    store = _Store(readers, progress or _no_progress, *head)
    problems = tuple(islice(_problems(store), MOST_PROBLEMS))
    return VerifyReport(store.events, not problems, problems, store.head, store.head_hash)


def _hopeless(what: str) -> VerifyReport:
    return VerifyReport(0, ok=False, problems=(Problem(None, what),), head=0, head_hash=GENESIS)


def _problems(store: _Store) -> Iterator[Problem]:
    try:
        for check in (_damage, _chain, _end, _index, _versions, _commands, _positions):
            yield from check(store)
    except CorruptStore as error:
        yield Problem(None, str(error))


def _damage(store: _Store) -> Iterator[Problem]:
    for (line,) in store.rows("PRAGMA quick_check(10)"):
        if line != "ok":
            yield Problem(None, f"the file is damaged: {line}")


def _chain(store: _Store) -> Iterator[Problem]:
    """Ids without a gap, each row with the hash that follows from the row before it."""
    done, last_id, last_hash = 0, 0, GENESIS
    for page in _pages(store):
        for row in page:
            event_id, stored = row[0], row[-1]
            if event_id <= 0:
                yield Problem(event_id, f"event {event_id} was put in: ids begin with 1")
                continue
            if event_id != last_id + 1:
                yield Problem(last_id + 1, f"{_range(last_id + 1, event_id - 1)} missing")
            elif not _follows(row, last_hash):
                yield Problem(event_id, _changed(row))
            last_id, last_hash = event_id, stored
        done += len(page)
        store.progress(done, store.events)
    if last_id < store.head:
        yield Problem(last_id + 1, f"{_range(last_id + 1, store.head)} missing at the end")


def _end(store: _Store) -> Iterator[Problem]:
    """The head row is about the last event."""
    if store.beyond is not None:
        what = f"event {store.beyond} was put in after the last one, {store.head}"
        yield Problem(store.beyond, what)
    if store.last_hash not in (None, store.head_hash):
        yield Problem(store.head, f"event {store.head} is not the one that was written last")


def _versions(store: _Store) -> Iterator[Problem]:
    """Each stream's versions without a gap, in the order of the log."""
    last_stream, last_version, last_id = _SMALLEST, 0, 0
    for stream, version, event_id in merge(_indexed(store), sorted(_not_indexed(store))):
        if stream != last_stream:
            last_stream, last_version, last_id = stream, 0, 0
        name = _name(store, stream) if version != last_version + 1 or event_id < last_id else ""
        if version != last_version + 1:
            what = f"event {event_id} is version {version} of {name}, after {last_version}"
            yield Problem(event_id, f"{what}: there is a gap")
        if event_id < last_id:
            what = f"event {event_id} is version {version} of {name}, but comes before"
            yield Problem(event_id, f"{what} event {last_id}, version {last_version}")
        last_version, last_id = version, event_id


def _index(store: _Store) -> Iterator[Problem]:
    """The index of streams has each event up to where it goes, and nothing that is not there."""
    is_whole = store.places == store.indexed
    for start in range(0, min(store.indexed, store.head), _PAGE):
        for (event_id,) in store.rows(_NOT_INDEXED, start, min(start + _PAGE, store.indexed)):
            is_whole = False
            yield Problem(event_id, f"event {event_id} is not in its place in the index of streams")
    # Where each of those has its place, and there are no more, only later ones can be wrong.
    after = store.indexed if is_whole else _SMALLEST
    for (event_id,) in store.rows(_INDEXED_WRONGLY, after, MOST_PROBLEMS):
        what = f"the index of streams has event {event_id} where it does not belong"
        yield Problem(event_id, what)


def _indexed(store: _Store) -> Iterator[Place]:
    """Iterate over the index of streams, in its order, without what is newer than it goes."""
    key = (_SMALLEST, 0)
    while True:
        with store.readers.lease() as connection:
            page = sorted(fetch(connection, _PLACES, _INDEXED, (*key, _PAGE)))
        for stream, version, event_id in page:
            if event_id <= store.indexed:
                yield stream, version, event_id
        if len(page) < _PAGE:
            return
        key = (page[-1][0], page[-1][1])


def _not_indexed(store: _Store) -> Iterator[Place]:
    after = store.indexed
    while True:
        with store.readers.lease() as connection:
            page = sorted(
                fetch(connection, _PLACES_OF_NEWEST, _NEWEST, (after, store.head, _PAGE)),
                key=itemgetter(2),
            )
        yield from map(tuple, page)
        if len(page) < _PAGE:
            return
        after = page[-1][2]


def _commands(store: _Store) -> Iterator[Problem]:
    """Each command's row and its events name each other."""
    for start in range(0, store.head, _PAGE):
        lost = store.rows(_LOST_COMMANDS, start, min(start + _PAGE, store.head))
        for event_id, command_id in lost:
            what = f"event {event_id} is not among those recorded for command {command_id!r}"
            yield Problem(event_id, what)
    for command_id, event_id in store.rows(_COMMANDS_BEYOND, MOST_PROBLEMS):
        what = f"the events recorded for command {command_id!r} are beyond the log"
        yield Problem(event_id, what)
    for command_id, event_id in store.rows(_LOST_EVENTS, store.head, MOST_PROBLEMS):
        yield Problem(event_id, f"the events recorded for command {command_id!r} are not its own")


def _positions(store: _Store) -> Iterator[Problem]:
    """No consumer is ahead of the log."""
    query = "SELECT consumer, event_id FROM positions WHERE event_id > (SELECT event_id FROM head)"
    for consumer, event_id in store.rows(query):
        yield Problem(None, f"the position of {consumer!r}, {event_id}, is ahead of the log")


# -- rows ------------------------------------------------------------------------------------------


def _pages(store: _Store) -> Iterator[list[Row]]:
    """Iterate over the rows up to the head in order of id, whatever their ids are."""
    after = _SMALLEST
    while True:
        with store.readers.lease() as connection:
            page = _page(connection, after, store.head)
        if page:
            yield page
        if len(page) < _PAGE:
            return
        after = page[-1][0]


def _page(connection: sqlite3.Connection, after: int, head: int) -> list[Row]:
    source = f"{_EVENTS} WHERE e.id > ? AND e.id <= ? ORDER BY e.id LIMIT ?"
    try:
        page = fetch(connection, FIELDS, source, (after, head, _PAGE))
    except (sqlite3.OperationalError, sqlite3.DataError):  # a value that is no text, or too long
        ids = connection.execute(
            "SELECT id FROM events WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
            (after, head, _PAGE),
        ).fetchall()
        return [_row(connection, event_id) for (event_id,) in ids]
    page.sort(key=lambda row: int(row[0]))
    return page


def _row(connection: sqlite3.Connection, event_id: int) -> Row:
    """Return one row; where it cannot be read as text, only what can: it will not fit its hash."""
    try:
        return fetch(connection, FIELDS, f"{_EVENTS} WHERE e.id = ?", (event_id,))[0]
    except (sqlite3.OperationalError, sqlite3.DataError):
        query = "SELECT version, CAST(hash AS TEXT) FROM events WHERE id = ?"
        version, stored = connection.execute(query, (event_id,)).fetchone()
        return [event_id, None, version, *[None] * 9, stored]


def _follows(row: Row, previous: str) -> bool:
    try:
        return link(previous, tuple(row[:-1])) == str(row[-1])
    except (TypeError, UnicodeEncodeError, OverflowError):
        return False  # values that were never written through the store


def _changed(row: Row) -> str:
    event_id, stream, version = row[:3]
    where = f"version {version} of {stream!r}" if stream else "of a stream that is not recorded"
    return f"event {event_id} ({where}) was changed, or put in the place of another"


def _name(store: _Store, stream_id: int) -> str:
    found = store.rows("SELECT name FROM streams WHERE id = ?", stream_id)
    return repr(found[0][0]) if found else f"stream number {stream_id}"


def _range(first: int, last: int) -> str:
    return f"event {first} is" if first == last else f"events {first} to {last} are"


def _no_progress(_done: int, _total: int) -> None:
    pass
