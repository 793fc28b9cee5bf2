"""Who is told of new events: consumers of all that they want, aggregates of their own streams.

`publish` is what the journal calls after each commit, before it answers anybody. Aggregates are
told at once: whoever has an answer and asks one next finds its own write. Consumers are told at
once, too, unless they were a moment ago: then what is committed within the interval is told
together, so that many small commits cost them one transaction. Whoever waits for a consumer to
have taken in an event has it told before (`tell_consumers`). Everybody is told in order of id.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from time import monotonic

from ledger_actors.runtime.delivery import Delivery
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.runtime.recorded import Recorded
from ledger_actors.store.journal import Committed
from ledger_actors.store.model import RecordedEvent
from supervision import Ref, Registry, Timers
from supervision.execution import shield

__all__ = ["Subscriptions"]

ALL = "all events"


class Subscriptions:
    """Keeps consumers with their filters, and passes on what the journal has written.

    `topics` is a registry with duplicate keys: a consumer's entry goes when the consumer ends.
    `names` is where the aggregates are, under (category, id). Consumers are told every `interval`
    seconds at most, if there are `timers` that see to the rest; they run on the machine's clock.
    """

    def __init__(
        self,
        names: Registry,
        topics: Registry,
        *,
        timers: Timers | None = None,
        interval: float = 0.0,
    ) -> None:
        self._names = names
        self._topics = topics
        self._timers = timers
        self._interval = interval
        self._lock = threading.Lock()
        self._untold: list[RecordedEvent] = []
        self._told_at = -math.inf
        self._timer_runs = False
        self._listeners: tuple[Callable[[int], None], ...] = ()

    def subscribe(self, ref: Ref, wanted: EventFilter) -> None:
        """Have `ref` told of each commit from here on, as a `Delivery`."""
        self._topics.register(ALL, ref, wanted)

    def unsubscribe(self, ref: Ref) -> None:
        """Tell `ref` no more."""
        self._topics.unregister(ALL, ref)

    def on_commit(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Call `listener(last event id)` after each commit, in the journal's thread.

        It must be quick and must not raise. Returns a function that ends it.
        """
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def remove() -> None:
            with self._lock:
                self._listeners = tuple(one for one in self._listeners if one is not listener)

        return remove

    def publish(self, committed: Sequence[Committed]) -> None:
        """Tell everybody of one transaction's events; in the journal's thread."""
        rows = [row for one in committed for row in one.events]
        if not rows:
            return
        for one in committed:
            # An origin that lives is the aggregate; one that has ended may have a successor, which
            # has read its stream before this was written.
            if one.origin is None or one.origin.exit_reason is not None:
                self._tell_aggregates(one)
        with shield():  # killed in between, it would leave a consumer with a gap
            self._publish_to_consumers(rows)
        for listener in self._listeners:
            listener(rows[-1].id)

    def tell_consumers(self) -> None:
        """Tell consumers now what is held back; from any thread."""
        if self._untold:
            with shield(), self._lock:
                self._tell_consumers()

    def _publish_to_consumers(self, rows: list[RecordedEvent]) -> None:
        with self._lock:
            if self._untold and self._untold[-1].id + 1 != rows[0].id:
                self._tell_consumers()  # what a killed journal did not tell is between them
            self._untold += rows
            wait = 0.0 if self._timers is None else self._told_at + self._interval - monotonic()
            if wait <= 0:
                self._tell_consumers()
            elif not self._timer_runs and self._timers is not None:
                self._timer_runs = True
                self._timers.call_after(wait, self._interval_is_over)

    def _interval_is_over(self) -> None:
        with self._lock:
            self._timer_runs = False
            self._tell_consumers()

    def _tell_consumers(self) -> None:
        rows, self._untold = self._untold, []
        if not rows:
            return
        after, up_to, digest = rows[0].id - 1, rows[-1].id, rows[-1].hash
        decoded: dict[int, tuple[Recorded, ...]] = {}
        for entry in self._topics.lookup(ALL):
            wanted: EventFilter = entry.value
            entry.ref.signal(Delivery(after, up_to, wanted.among(rows), digest, decoded))
        self._told_at = monotonic()

    def _tell_aggregates(self, committed: Committed) -> None:
        by_stream: dict[str, list[RecordedEvent]] = {}
        for row in committed.events:
            by_stream.setdefault(row.stream, []).append(row)
        for stream, rows in by_stream.items():
            category, _, identity = stream.partition("-")
            ref = self._names.whereis((category, identity))
            if ref is not None:
                ref.signal(Delivery(rows[0].id - 1, rows[-1].id, tuple(rows)))
