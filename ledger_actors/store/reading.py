"""Reading events: pages found by key, each a single step, nothing held open between them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator
from itertools import chain, islice
from operator import attrgetter
from typing import Any

import msgspec

from ledger_actors.store.command_rows import commands_taken
from ledger_actors.store.connections import Readers
from ledger_actors.store.dealt import DEALT
from ledger_actors.store.errors import EventIdInFuture
from ledger_actors.store.event_rows import FROM_EVENTS, columns, read_events
from ledger_actors.store.model import (
    LOG_FIELDS,
    Heading,
    RecordedEvent,
    Standing,
    StoredCommand,
    StreamHistory,
)
from ledger_actors.store.rows import fetch, fetch_text, json_text
from ledger_actors.store.stream_tail import Moved, StreamTail

__all__ = ["Reading"]

_SMALL_PAYLOAD = 4096  # characters

_LOG = f"{FROM_EVENTS} WHERE e.id > ? ORDER BY e.id LIMIT ?"
_JSON_FIELDS = (
    "e.type || '/' || e.schema_version",
    f"json(CASE WHEN length(e.payload) <= {_SMALL_PAYLOAD} THEN e.payload END)",
    *columns(LOG_FIELDS),
)
_TYPES = (
    "FROM (WITH RECURSIVE found(type) AS (SELECT min(type) FROM events UNION ALL"
    " SELECT (SELECT min(type) FROM events WHERE type > found.type) FROM found"
    " WHERE found.type IS NOT NULL)"
    " SELECT type FROM found WHERE type IS NOT NULL)"
)
_POSITION = "SELECT event_id FROM positions WHERE consumer = ?"
_HEADING = ("e.id", "e.type", "s.name")
_HEADINGS = (
    "FROM events AS e LEFT JOIN streams AS s ON s.id = e.stream_id"
    " WHERE e.id > ? AND e.id <= ? ORDER BY e.id LIMIT ?"
)
_HEADINGS_PAGE = 1000  # rows
_MOST_TYPES = 16  # with more of them, one scan is quicker than a look into the index for each
_MOST_UNKNOWN = 1000  # events that are gone over at each read, for they are in no index
_MOST_EVENTS = 2048  # of short streams that are read at once
_FIRST_PAGE = 64
_LARGE_PAGE = 1024 * 1024  # characters
_FULL_PAGE = 256  # rows; a text beyond some 128 KB is mapped and zeroed by the system each time

_decode_headings = msgspec.json.Decoder(list[Heading]).decode

# Found in the table, in the tail, and behind what the tail knows, where one of another process or
# the commit of this moment is. What is in two of them is there once.
_STREAM = f"""
{FROM_EVENTS} WHERE e.id IN (
  SELECT event_id FROM (
    SELECT event_id FROM stream_events
    WHERE stream_id = (SELECT id FROM streams WHERE name = :stream)
      AND version > :after AND version <= :up_to ORDER BY version LIMIT :limit)
  UNION SELECT value FROM json_each(:here)
  UNION SELECT id FROM events
    WHERE id > :known
      AND stream_id = (SELECT id FROM streams WHERE name = :stream) AND version > :after)
AND e.version <= :up_to AND e.id <= :last_id ORDER BY e.id LIMIT :limit
"""
_STREAM_INDEXED = """
FROM stream_events AS x
JOIN events AS e ON e.id = x.event_id JOIN streams AS s ON s.id = e.stream_id
WHERE x.stream_id = (SELECT id FROM streams WHERE name = :stream)
  AND x.version > :after AND x.version <= :up_to AND x.event_id <= :last_id
ORDER BY x.version LIMIT :limit
"""
_VERSION_INDEXED = (
    "SELECT max(version) FROM stream_events"
    " WHERE stream_id = (SELECT id FROM streams WHERE name = :stream)"
)
_VERSION = f"""
SELECT max(coalesce(({_VERSION_INDEXED}), 0), coalesce((
  SELECT max(version) FROM events
  WHERE id > :known AND stream_id = (SELECT id FROM streams WHERE name = :stream)), 0))
"""
_SHORT_STREAM = ("known.name", "x.event_id")
_SHORT_STREAMS = """
FROM (
  SELECT s.id, s.name, (SELECT max(version) FROM stream_events WHERE stream_id = s.id) AS version
  FROM json_each(:streams) AS wanted CROSS JOIN streams AS s ON s.name = wanted.value) AS known
LEFT JOIN stream_events AS x ON x.stream_id = known.id AND known.version <= :most
WHERE known.version IS NOT NULL
"""  # of a long one there is a row without an event
_SMALL_EVENTS = f"""
{FROM_EVENTS} WHERE e.id IN (SELECT value FROM json_each(:ids))
  AND length(e.payload) <= {_SMALL_PAYLOAD}
"""
_HEAD = "SELECT event_id, moved_to FROM head"

Page = Callable[[sqlite3.Connection, int, int], list[RecordedEvent]]
"""Returns at most so many events after a key, in order of that key."""


class Reading:
    """The queries of the store over its readers' connections; for any thread."""

    def __init__(self, readers: Readers, tail: StreamTail | None = None) -> None:
        """`tail` is the writer's; without one there is one of its own, read from the log."""
        self._readers = readers
        self._tail = tail or StreamTail()
        self._own_tail = tail is None
        self._lock = threading.Lock()

    def head(self) -> int:
        """Return the id of the last event."""
        return int(self._one("SELECT coalesce(max(id), 0) FROM events"))

    def hash_at(self, event_id: int) -> str | None:
        """Return an event's hash."""
        found: str | None = self._one("SELECT hash FROM events WHERE id = ?", event_id)
        return found

    def stream_version(self, stream: str) -> int:
        """Return the version of a stream, 0 if there is none."""
        with self._readers.lease() as connection:
            known, all_known = self._known(connection)
            here = self._tail.version(stream)
            if here and all_known and self._tail.known_to >= known:
                return here
            query = _VERSION_INDEXED if all_known else _VERSION
            values = {"stream": stream, "known": known}
            (elsewhere,) = connection.execute(query, values).fetchone()
        return max(here, elsewhere or 0)

    def stream(
        self,
        stream: str,
        *,
        after_version: int,
        up_to_version: int | None,
        up_to_id: int | None,
        batch_size: int,
    ) -> Iterator[RecordedEvent]:
        """Iterate over a stream; see `EventStore.read_stream`."""
        self._must_exist(up_to_id)
        bounds = {
            "stream": stream,
            "up_to": _or_largest(up_to_version),
            "last_id": _or_largest(up_to_id),
        }

        def page(connection: sqlite3.Connection, after: int, limit: int) -> list[RecordedEvent]:
            known, all_known = self._known(connection)
            ids = self._tail.ids(stream, after=after, limit=limit)
            values = {**bounds, "after": after, "limit": limit}
            if all_known and not ids:
                return read_events(connection, _STREAM_INDEXED, values, key="version")
            values |= {"known": known, "here": json_text(ids)}
            return read_events(connection, _STREAM, values, key="version")

        return self._pages(page, after_version, batch_size, key="version")

    def short_streams(self, streams: Collection[str], *, most: int) -> dict[str, StreamHistory]:
        """Return the whole of those streams that are short; see `EventStore`."""
        if self._own_tail:
            return {}  # it may be behind
        as_of = self._tail.known_to
        # JSON in SQL ends at a NUL, and has no half of a surrogate pair.
        ids = self._tail.short(filter(str.isprintable, streams), most=most)
        with self._readers.lease() as connection:
            values = {"streams": json_text(ids), "most": most}
            for name, event_id in fetch(connection, _SHORT_STREAM, _SHORT_STREAMS, values):
                if event_id is None:
                    del ids[name]
                elif event_id not in ids[name]:  # it may have been moved meanwhile
                    ids[name].append(event_id)
            wanted = list(islice(chain.from_iterable(ids.values()), _MOST_EVENTS))
            events = read_events(connection, _SMALL_EVENTS, {"ids": json_text(wanted)}, key="id")
        found = {name: list[RecordedEvent]() for name in ids}
        for event in events:
            if event.stream in found:  # else the index is wrong: `verify` names the row
                found[event.stream].append(event)
        return {
            name: StreamHistory(tuple(history), as_of)
            for name, history in found.items()
            if len(history) == len(ids[name])
            and (not history or history[-1].version == len(history))
        }

    def all(
        self,
        *,
        after: int,
        up_to: int | None,
        types: Collection[str] | None,
        stream_prefix: str | None,
        batch_size: int,
    ) -> Iterator[RecordedEvent]:
        """Iterate over the log; see `EventStore.read_all`."""
        self._must_exist(after)
        self._must_exist(up_to)
        source, filters = _log_source(types, stream_prefix)
        bounds = {**filters, "up_to": _or_largest(up_to)}

        def page(connection: sqlite3.Connection, after: int, limit: int) -> list[RecordedEvent]:
            values = {**bounds, "after": after, "limit": limit}
            return read_events(connection, source, values, key="id")

        return self._pages(page, after, batch_size, key="id")

    def as_json(self, *, after: int, limit: int) -> str | None:
        """Return the next events of the log as JSON; see `EventStore.read_as_json`."""
        with self._readers.lease() as connection:
            try:
                return fetch_text(connection, _JSON_FIELDS, _LOG, (after, limit))
            except (sqlite3.OperationalError, sqlite3.DataError):
                return None  # whoever reads it row by row is told what is wrong, if anything is

    def streams(self, prefix: str | None, *, batch_size: int = 512) -> Iterator[str]:
        """Iterate over the names of the streams."""
        bounds: dict[str, object] = {"after": "", "prefix": prefix or "", "limit": batch_size}
        source = (
            "FROM streams WHERE name > :after AND name >= :prefix"
            " AND substr(name, 1, length(:prefix)) = :prefix ORDER BY name LIMIT :limit"
        )
        while True:
            with self._readers.lease() as connection:
                names = [row[0] for row in fetch(connection, ["name"], source, bounds)]
            yield from names
            if len(names) < batch_size:
                return
            bounds["after"] = names[-1]

    def types(self) -> list[str]:
        """Return the types that are there: one step into their index for each."""
        with self._readers.lease() as connection:
            return sorted(row[0] for row in fetch(connection, ["type"], _TYPES, ()))

    def command(self, command_id: str) -> StoredCommand | None:
        """Return a command that was taken before."""
        return self.commands((command_id,)).get(command_id)

    def commands(self, command_ids: Collection[str]) -> dict[str, StoredCommand]:
        """Return those of the commands that were taken before."""
        with self._readers.lease() as connection:
            return commands_taken(connection, command_ids)

    def event_hash(self, event_id: int, stream: str, version: int) -> str | None:
        """Return an event's hash, `None` if it is not that version of that stream."""
        query = f"SELECT e.hash {FROM_EVENTS} WHERE e.id = ? AND s.name = ? AND e.version = ?"
        found: str | None = self._one(query, event_id, stream, version)
        return found

    def position(self, consumer: str) -> int | None:
        """Return a consumer's position."""
        found: int | None = self._one(_POSITION, consumer)
        return found

    def positions(self) -> dict[str, int]:
        """Return all positions."""
        with self._readers.lease() as connection:
            return dict(connection.execute("SELECT consumer, event_id FROM positions").fetchall())

    def standing(self, consumer: str) -> Standing:
        """Return what a consumer has dealt with."""
        with self._readers.lease() as connection:
            connection.execute("BEGIN")
            try:
                row = connection.execute(_POSITION, (consumer,)).fetchone()
                return DEALT.read(connection, consumer, None if row is None else row[0])
            finally:
                connection.execute("ROLLBACK")

    def headings(self, *, after: int, up_to: int) -> Iterator[list[Heading]]:
        """Iterate over id, type and stream of events, page by page."""
        while after < up_to:
            with self._readers.lease() as connection:
                text = fetch_text(connection, _HEADING, _HEADINGS, (after, up_to, _HEADINGS_PAGE))
            page = sorted(_decode_headings(text), key=attrgetter("id"))
            if not page:
                return
            yield page
            after = page[-1].id

    def _known(self, connection: sqlite3.Connection) -> tuple[int, bool]:
        """Return up to which event all places are known, and whether those are all there are.

        Ask before anything is looked up: what is moved meanwhile is then in the table. A tail of
        our own is loaded anew where it is far behind the log.
        """
        if not (self._own_tail or self._tail.in_doubt):
            return self._tail.known_to, True
        head, moved = connection.execute(_HEAD).fetchone()
        if self._own_tail and head - max(self._tail.known_to, moved) > _MOST_UNKNOWN:
            with self._lock:
                self._tail.load(connection, Moved(moved))
        known = max(self._tail.known_to, moved)
        return known, known >= head

    def _one(self, query: str, *values: Any) -> Any:
        with self._readers.lease() as connection:
            row = connection.execute(query, values).fetchone()
        return None if row is None else row[0]

    def _must_exist(self, event_id: int | None) -> None:
        if event_id is not None and event_id > 0:
            head = self.head()
            if event_id > head:
                raise EventIdInFuture(event_id, head)

    def _pages(
        self, page: Page, after: int, batch_size: int, *, key: str
    ) -> Iterator[RecordedEvent]:
        """Read on until a page is not full; large payloads make the pages smaller."""
        full = min(_FULL_PAGE, batch_size)
        limit = min(_FIRST_PAGE, full)
        while True:
            with self._readers.lease() as connection:
                events, limit = _page_that_fits(page, connection, after, limit)
            yield from events
            if len(events) < limit:
                return
            after = getattr(events[-1], key)
            limit = _next_limit(events, full)


def _page_that_fits(
    page: Page, connection: sqlite3.Connection, after: int, limit: int
) -> tuple[list[RecordedEvent], int]:
    while True:
        try:
            return page(connection, after, limit), limit
        except sqlite3.DataError:  # the page's text is too long for SQLite
            if limit == 1:
                raise
            limit //= 2


def _next_limit(events: list[RecordedEvent], batch_size: int) -> int:
    size = sum(len(event.payload) for event in events)
    if size > _LARGE_PAGE:
        return max(1, len(events) * _LARGE_PAGE // size)
    return min(batch_size, len(events) * 4)


def _log_source(
    types: Collection[str] | None, stream_prefix: str | None
) -> tuple[str, dict[str, Any]]:
    """Return where a page of the log comes from, and the values of its filters.

    Few types are looked up in their index, a page of each, and merged: a rare type is found
    without going over all the others.
    """
    values: dict[str, Any] = {}
    where = "e.id > :after AND e.id <= :up_to"
    if stream_prefix:
        values["prefix"] = stream_prefix
        where += " AND substr(s.name, 1, length(:prefix)) = :prefix"
    tail = "ORDER BY e.id LIMIT :limit"
    if types is None:
        return f"{FROM_EVENTS} WHERE {where} {tail}", values
    names = sorted(types)
    if not 0 < len(names) <= _MOST_TYPES:
        values["types"] = json_text(names)
        where += " AND +e.type IN (SELECT value FROM json_each(:types))"
        return f"{FROM_EVENTS} WHERE {where} {tail}", values
    values |= {f"type{number}": name for number, name in enumerate(names)}
    ids = " UNION ALL ".join(
        f"SELECT id FROM (SELECT e.id {FROM_EVENTS}"
        f" WHERE e.type = :type{number} AND {where} {tail})"
        for number in range(len(names))
    )
    chosen = f"(SELECT id FROM ({ids}) ORDER BY id LIMIT :limit)"
    return f"{FROM_EVENTS} WHERE e.id IN {chosen} ORDER BY e.id", values


def _or_largest(value: int | None) -> int:
    return 2**63 - 1 if value is None else value
