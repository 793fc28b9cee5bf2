"""Cost that does not grow: the same work on a small and on a large store, in turn.

A ledger grows by accounts, so both stores have 20 events to an account.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

from benchmarks import histories, targets, workload
from benchmarks.measuring import Figure, Sample, ensure, folder, rate, read_once, seconds
from benchmarks.scale import Scale
from ledger_actors import Ledger
from ledger_actors.demos.daemon_process import DaemonProcess
from ledger_actors.ledger.aggregates.account import Account
from ledger_actors.store import SqliteEventStore

EVENTS_EACH = 20
WINDOW = 256
APPEND, GRANT, STATE = "deposits, 256 in flight", "a grant", "the state of an account that rests"
COMMAND, STREAM, START_UP = "a command by its id", "an account's events", "start-up of the daemon"
SHOWN = (
    (APPEND, "a second", targets.APPEND_GROWTH),
    (GRANT, "ms", targets.GRANT_GROWTH),
    (STATE, "ms", targets.STATE_GROWTH),
    (COMMAND, "ms", targets.COMMAND_GROWTH),
    (STREAM, "ms", targets.STREAM_GROWTH),
    (START_UP, "s", targets.START_UP),
)


def figures(scale: Scale) -> Iterator[Figure]:
    """Yield what costs how much on the large store, with the small one as the peer."""
    with folder() as place:
        small = _Store.written(place / "small", scale.small, scale)
        large = _Store.written(place / "large", scale.large, scale)
        for _ in range(scale.repeats):
            small.start_up()
            large.start_up()
        with small.opened(), large.opened():
            for _ in range(scale.repeats):
                small.measure()
                large.measure()
    peer = f"with {scale.small:,} events"
    for what, unit, target in SHOWN:
        shown = f"{what}, with {scale.large:,} events"
        yield Figure(shown, unit, large.sample(what), peer, small.sample(what), target)


class _Store:
    """A data folder with so many events, and what was measured on it."""

    def __init__(self, place: Path, *, accounts: int, scale: Scale) -> None:
        self._place = place
        self._scale = scale
        self._events = accounts * EVENTS_EACH + 1
        self._found: dict[str, list[float]] = {what: [] for what, _, _ in SHOWN}
        few = scale.small // EVENTS_EACH
        self._pairs = max(1, min(100, few // 10))
        busy = min(scale.accounts, few // 2 - 2 * self._pairs)
        others = range(2 * self._pairs, accounts)  # the first are those that grants go to
        chosen = random.Random(accounts).sample(others, busy + scale.lookups)
        self._busy, self._resting = chosen[:busy], iter(chosen[busy:])
        self._grants = count()

    @classmethod
    def written(cls, place: Path, events: int, scale: Scale) -> _Store:
        """Write one, and let the read models catch up with it."""
        accounts = events // EVENTS_EACH
        histories.write(place, events=accounts * EVENTS_EACH + 1, accounts=accounts)
        with Ledger.open(place, env="test") as ledger:
            workload.settle(ledger)
        return cls(place, accounts=accounts, scale=scale)

    def sample(self, what: str) -> Sample:
        return Sample(tuple(self._found[what]))

    def start_up(self) -> None:
        """Take the time from the command to the first answer, its own Python's start included."""
        daemon = DaemonProcess(self._place, LEDGER_ENV="test")
        self._found[START_UP].append(seconds(daemon.start))
        daemon.stop()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Open it for `measure`; check at the end that it has what was sent to it."""
        with (
            Ledger.open(self._place, env="test") as self._ledger,
            SqliteEventStore(self._place / "events.db", read_only=True) as self._reader,
        ):
            self._send(workload.sources(range(self._pairs), "1000000.00"), events=2 * self._pairs)
            yield
            workload.check(self._ledger, events=self._events)

    def measure(self) -> None:
        """Do each thing once, and note what it cost."""
        each = max(1, self._scale.lookups // self._scale.repeats)
        self._measure_appends(max(10, self._scale.commands // 2))
        self._measure_grants(each)
        looked_up = [workload.account(one) for one in islice(self._resting, each)]
        read_once(self._place / "events.db")
        self._note(STREAM, self._read_stream, looked_up)
        self._note(STATE, partial(self._ledger.state, "account"), looked_up)
        histories_of = [list(self._reader.read_stream(_stream(one))) for one in looked_up]
        self._note(COMMAND, self._find_command, [one[-1].command_id for one in histories_of])

    def _measure_appends(self, commands: int) -> None:
        self._send(self._deposits(len(self._busy)), events=len(self._busy))  # all are live then
        workload.settle(self._ledger)
        deposits = self._deposits(commands)
        self._found[APPEND].append(rate(commands, self._send, deposits, events=commands))

    def _measure_grants(self, grants: int) -> None:
        numbers = list(islice(self._grants, grants))
        cents = workload.sources(numbers, "0.01", name="cent")
        self._send(cents, events=2 * grants)
        workload.settle(self._ledger)
        self._note(GRANT, self._ledger.send, workload.grants(numbers, pairs=self._pairs))
        self._events += 5 * grants

    def _deposits(self, commands: int) -> list[workload.Wire]:
        return [workload.deposit_on(one) for one in islice(cycle(self._busy), commands)]

    def _send(self, commands: Iterable[workload.Wire], *, events: int) -> None:
        workload.send_all(self._ledger, commands, window=WINDOW)
        self._events += events

    def _note(self, what: str, work: Callable[[Any], object], each_of: Sequence[Any]) -> None:
        """Note the median of how many milliseconds it took for each of these."""
        taken = [seconds(work, one) for one in each_of]
        self._found[what].append(statistics.median(taken) * 1_000)

    def _read_stream(self, account: str) -> None:
        events = len(list(self._reader.read_stream(_stream(account))))
        ensure(events == EVENTS_EACH, f"{account} has {events} events, not {EVENTS_EACH}")

    def _find_command(self, command_id: str) -> None:
        ensure(self._reader.find_command(command_id) is not None, f"no command {command_id}")


def _stream(account: str) -> str:
    return Account.stream(account)
