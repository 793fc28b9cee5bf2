"""The store as the rest of the program sees it. Nothing outside this folder knows SQLite."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from ledger_actors.store.errors import StoreError
from ledger_actors.store.model import (
    Append,
    Appended,
    CommandsFound,
    Heading,
    RecordedEvent,
    Snapshot,
    Standing,
    StoredCommand,
    StreamHistory,
    VerifyReport,
)

__all__ = ["EventStore"]


@runtime_checkable
class EventStore(Protocol):
    """Events at rest. `append` is for one thread, the journal's; all else is for any thread.

    Every method may raise `StoreUnavailable` (the file cannot be read or written), `StoreClosed`
    and `CorruptStore`.
    """

    def append(self, batch: Sequence[Append]) -> list[Appended | StoreError]:
        """Write a batch in one transaction; it is on disk on return. One answer for each append.

        An append that is refused is an error value in its place, and its neighbours are written;
        later appends of the batch see the earlier ones. The errors: `WrongExpectedVersion` (also
        `StreamExists`, `StreamNotFound`), `CommandIdReused`, `PositionConflict`,
        `EventIdInFuture`, `InvalidAppend`. A command id that was taken before is answered with
        the events of that time and `duplicate`, and nothing but its position is written.
        A full disk refuses the whole batch, each append with `StoreFull`; the store goes on.

        Raises:
            StoreTakenOver: another daemon has opened the store since.
            StoreNotSynced: what was written earlier may be lost if this process goes on; it has to
                end, and the next one loses nothing.
            StoreReplaced: another file was put in the store's place, or it was deleted.
            StoreUnavailable: an I/O error. The batch may or may not be on disk: repeat it under
                the same command ids. The next append opens the file afresh.
        """

    def ensure_writable(self) -> None:
        """Return if the store takes appends, or will when a fault is over.

        Raises:
            StoreNotSynced: it takes none any more in this process.
        """

    def head(self) -> int:
        """Return the id of the last event, 0 in an empty store."""

    def hash_at(self, event_id: int) -> str | None:
        """Return an event's hash, which stands for the history up to it; `None` if there is none.

        Whoever keeps something that rests on the events keeps this with it, and knows another
        history by it.
        """

    def stream_version(self, stream: str) -> int:
        """Return the version of a stream, 0 for one without events."""

    def version_written(self, stream: str) -> int:
        """Return the version to which a stream was written lately; reads nothing from the disk.

        0: not lately, or by somebody else. It may be more by now, never less.
        """

    def read_stream(
        self,
        stream: str,
        *,
        after_version: int = 0,
        up_to_version: int | None = None,
        up_to_id: int | None = None,
        batch_size: int = 512,
    ) -> Iterator[RecordedEvent]:
        """Iterate over a stream's events in order of version; over nothing for an unknown stream.

        Raises:
            EventIdInFuture: at the call, `up_to_id` is beyond the head.
        """

    def read_short_streams(
        self, streams: Collection[str], *, most: int
    ) -> dict[str, StreamHistory]:
        """Return the whole of each of these streams that has at most so many events, by name.

        Two queries for all of them; one without events is there. Any may be left out, long ones
        and those with large payloads among them: read those by `read_stream`.
        """

    def is_unwritten_since(self, stream: str, event_id: int) -> bool:
        """Return whether a stream is known to have no event behind `event_id`.

        Reads nothing from the disk: `False` also means that too much was written since. What is
        not on disk yet is not known either.
        """

    def read_all(
        self,
        *,
        after: int = 0,
        up_to: int | None = None,
        types: Collection[str] | None = None,
        stream_prefix: str | None = None,
        batch_size: int = 512,
    ) -> Iterator[RecordedEvent]:
        """Iterate over events in order of id, also over those written meanwhile.

        Reads in batches, the next one when the last one is used up; between batches nothing is
        held open, and never is all of it in memory.

        Raises:
            EventIdInFuture: at the call, `after` or `up_to` is beyond the head.
        """

    def read_as_json(self, *, after: int, limit: int) -> str | None:
        """Return the next events behind `after`, at most so many, for who knows their types.

        A JSON array with an array for each: the form, as "TYPE/SCHEMA VERSION"; the payload, as the
        JSON that it is, `null` if it is long; and then what `LOG_FIELDS` names. In order as a rule.
        `None` where a payload is no JSON. What is not told here, `read_all` has.
        """

    def find_command(self, command_id: str) -> StoredCommand | None:
        """Return a command that was taken before, with its events, or `None`."""

    def look_up_commands(self, command_ids: Collection[str]) -> CommandsFound:
        """Look for many commands in one query."""

    def moment(self) -> int:
        """Return the present moment, for the id of a command that is new for certain."""

    def is_unseen(self, command_id: str, since: int) -> bool:
        """Return whether a command that was not taken at a moment is known not to be taken now.

        Reads nothing from the disk: `False` also means that too much was written since.
        """

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot. It is no part of the truth: losing it costs time only.

        Raises:
            ValueError: the snapshot's event is not that version of that stream.
            StoreFull: there is no room; the store goes on without the snapshot.
        """

    def load_snapshot(
        self, stream: str, *, up_to_id: int | None = None, schema_version: int | None = None
    ) -> Snapshot | None:
        """Return the latest snapshot of a stream, at or before event `up_to_id`, or `None`.

        With `schema_version`, only one of that version. A snapshot that does not rest on the
        events that are in this store, because one of the two was restored, is not returned.
        """

    def delete_snapshots(self, stream: str) -> None:
        """Forget the snapshots of a stream."""

    def position(self, consumer: str) -> int | None:
        """Return the last event id that a consumer has dealt with, `None` if it has no position."""

    def positions(self) -> dict[str, int]:
        """Return the positions of all consumers by name."""

    def standing(self, consumer: str) -> Standing:
        """Return a consumer's position with what it has dealt with; all of one moment."""

    def headings(self, *, after: int, up_to: int) -> Iterator[list[Heading]]:
        """Iterate over id, type and stream of the events after an id, in order, page by page."""

    def streams(self, prefix: str | None = None) -> Iterator[str]:
        """Iterate over the names of the streams, those that begin with `prefix`, sorted."""

    def types(self) -> Sequence[str]:
        """Return the types of the events that are there, sorted; quick, however many there are."""

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyReport:
        """Check every row against the hash chain, and what else must hold.

        `progress(done, total)` is called now and then, in the caller's thread.
        """

    def backup(self, target: Path) -> None:
        """Write a consistent copy to a new file, while the store is in use.

        Raises:
            StoreUnavailable: `target` exists, or cannot be written.
            StoreFull: there is no room for it; nothing is left behind.
        """

    def close(self) -> None:
        """Give the file free. A second call does nothing."""
