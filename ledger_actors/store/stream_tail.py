"""The end of the index of streams, in memory: where the newest events of each stream are.

An index over (stream, version) is written all over the place: each event of a batch changes a page
that it shares with no other. So the index is behind. The newest events are found here, and go into
the table `stream_events` in the order of that table, a slice with each commit: then a page that is
written takes many. Two runs are enough, one that grows and one that is being moved. After the
log-structured merge-tree of O'Neil et al. (1996).

What has been moved is in the head row, so that whoever opens the file next reads the rest of the
log from there on. That is `RUN` events twice, at most and by and large.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter

import msgspec

from ledger_actors.store.model import RecordedEvent
from ledger_actors.store.rows import fetch
from ledger_actors.store.stream_heads import StreamHead

__all__ = ["RUN", "Moved", "Place", "StreamTail"]

RUN = 65_536
"""Events to a run."""

_PACE = 2
"""Places that are moved for each event that is written."""

_PAGE = 4096
_NAMES = ("e.id", "s.name", "e.stream_id", "e.version")
_NEWEST = (
    "FROM events AS e JOIN streams AS s ON s.id = e.stream_id WHERE e.id > ? ORDER BY e.id LIMIT ?"
)

Place = tuple[int, int, int]
"""A row of the index: stream, version, event."""


class Moved(msgspec.Struct, frozen=True):
    """What of the log the table has: up to event `up_to` all, and of those behind it up to event
    `run_to` the places up to (`stream_id`, `version`), in the table's order.
    """

    up_to: int = 0
    run_to: int = 0
    stream_id: int = 0
    version: int = 0


class _Run:
    """The places of a stretch of the log: by stream its number, its first version, its events."""

    __slots__ = ("count", "last", "streams")

    def __init__(self) -> None:
        self.streams: dict[str, tuple[int, int, list[int]]] = {}
        self.count = 0
        self.last = 0

    def add(self, event_id: int, stream: str, stream_id: int, version: int) -> None:
        found = self.streams.get(stream)
        if found is None:
            self.streams[stream] = (stream_id, version, [event_id])
        else:
            found[2].append(event_id)
        self.count += 1
        self.last = event_id

    def places(self, moved: Moved) -> Iterator[Place]:
        """Iterate over the places that are not moved yet, in the table's order."""
        done = (moved.stream_id, moved.version)
        for stream_id, first, ids in sorted(self.streams.values(), key=itemgetter(0)):
            for version, event_id in enumerate(ids, first):
                if (stream_id, version) > done:
                    yield stream_id, version, event_id


_EMPTY = _Run()


class StreamTail:
    """The places that the table does not have yet. Written by the writer alone, read by anybody."""

    def __init__(self) -> None:
        self.moved = Moved()
        self.known_to = 0
        """The event up to which every place is in the table or here."""
        self.in_doubt: Collection[str] = ()
        """Streams that may have events behind it: from before a commit until it is taken over."""
        self._runs = (_EMPTY, _Run())
        self._left: Iterator[Place] | None = None
        self._slice: tuple[Sequence[Place], Moved] | None = None

    # -- for the writer ------------------------------------------------------------------------

    def load(self, connection: sqlite3.Connection, moved: Moved) -> None:
        """Read what is not moved yet from the log."""
        moving, growing = _EMPTY, _Run()
        if moved.run_to > moved.up_to:
            moving = _Run()
        for event_id, stream, stream_id, version in _newest(connection, moved.up_to):
            run = moving if event_id <= moved.run_to else growing
            run.add(event_id, stream, stream_id, version)
        self.moved = moved
        self._slice = None
        self._begin(moving, growing)
        self.known_to = max(moved.up_to, moving.last, growing.last)
        self._begin_if_due()
        self.in_doubt = ()

    def next_slice(self, events: int) -> tuple[Sequence[Place], Moved]:
        """Return what is to be moved with a commit of so many events, and what is moved then."""
        if self._slice is None:  # else the last one was not committed
            self._slice = self._cut(events)
        return self._slice

    def committed(self, events: Iterable[RecordedEvent], streams: Mapping[str, StreamHead]) -> None:
        """Take over what a commit has written, and what it has moved."""
        moving, growing = self._runs
        last = self.known_to
        for event in events:
            stream = event.stream
            growing.add(event.id, stream, streams[stream].stream_id, event.version)
            last = event.id
        if self._slice is not None:
            (_, self.moved), self._slice = self._slice, None
        if moving is not _EMPTY and self.moved.up_to >= moving.last:
            self._begin(_EMPTY, growing)
        self.known_to = last
        self._begin_if_due()
        self.in_doubt = ()

    # -- for readers -------------------------------------------------------------------------------

    def version(self, stream: str) -> int:
        """Return the version of a stream, 0 where its newest event is in the table."""
        for run in reversed(self._runs):
            if (found := run.streams.get(stream)) is not None:
                return found[1] + len(found[2]) - 1
        return 0

    def ids(self, stream: str, *, after: int, limit: int) -> list[int]:
        """Return the events behind version `after`, as far as they are here, at most `limit`.

        Read `known_to` before this and the table after it: then nothing falls between.
        """
        found: list[int] = []
        for run in self._runs:
            part = run.streams.get(stream)
            if part is not None:
                _, first, ids = part
                start = max(0, after + 1 - first)
                found += ids[start : start + limit]
        return found[:limit]

    def short(self, streams: Iterable[str], *, most: int) -> dict[str, list[int]]:
        """Return the events that are here of those streams that have, by what is known here, at
        most so many.
        """
        moving, growing = (run.streams for run in self._runs)
        found: dict[str, list[int]] = {}
        for stream in streams:
            old, new = moving.get(stream), growing.get(stream)
            last = new or old
            if last is None:
                found[stream] = []
            elif last[1] + len(last[2]) - 1 <= most:
                found[stream] = [*(old[2] if old else ()), *(new[2] if new else ())]
        return found

    def is_unwritten_since(self, stream: str, event_id: int) -> bool:
        """Return whether a stream is known to have no event behind `event_id`, but for those of a
        commit that begins after this.

        The order matters: first what may be about to come, last what may have gone into the table.
        """
        if stream in self.in_doubt:
            return False
        for run in reversed(self._runs):
            if (found := run.streams.get(stream)) is not None:
                return found[2][-1] <= event_id
        return self.moved.up_to <= event_id

    # -- inside ------------------------------------------------------------------------------------

    def _begin(self, moving: _Run, growing: _Run) -> None:
        self._left = None
        self._runs = (moving, growing)

    def _begin_if_due(self) -> None:
        moving, growing = self._runs
        if moving is _EMPTY and growing.count >= RUN:
            self._begin(growing, _Run())

    def _cut(self, events: int) -> tuple[Sequence[Place], Moved]:
        moving, moved = self._runs[0], self.moved
        if moving is _EMPTY or not events:
            return (), moved
        if self._left is None:
            if moved.run_to != moving.last:
                moved = Moved(moved.up_to, moving.last)
            self._left = moving.places(moved)
        places = list(islice(self._left, events * _PACE))
        if len(places) < events * _PACE:
            return places, Moved(moving.last, moving.last)
        stream_id, version, _ = places[-1]
        return places, Moved(moved.up_to, moving.last, stream_id, version)


def _newest(connection: sqlite3.Connection, after: int) -> Iterator[tuple[int, str, int, int]]:
    while True:
        rows = sorted(fetch(connection, _NAMES, _NEWEST, (after, _PAGE)))
        yield from map(tuple, rows)
        if len(rows) < _PAGE:
            return
        after = rows[-1][0]
