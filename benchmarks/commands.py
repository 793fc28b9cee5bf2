"""Durable commands in process: deposits to a thousand accounts, with everything on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

from benchmarks import peers, targets, workload
from benchmarks.measuring import Figure, Job, Rates, Sample, interleaved, rate, rate_and_cpu
from benchmarks.peers import sqlite
from benchmarks.scale import Scale
from ledger_actors import Ledger

WINDOWS = (16, 256, 2_048)
WIDEST = WINDOWS[-1]
ONE = "one at a time"
READ_MODELS_TOO = "2,048 in flight, until every read model has them"
CPU = "processor time of one, until every read model has it"
UNIT = "commands a second"
PEER = "eventsourcing"


def in_flight(window: int) -> str:
    return f"{window:,} in flight"


def figures(scale: Scale) -> Iterator[Figure]:
    """Yield deposits by `Ledger.send_many` and by `Runtime.dispatch`, beside both peers."""
    found = interleaved(scale.repeats, _jobs(scale))
    one, eight = found.get(PEER), found.get(f"{PEER}, 8 threads")
    cached = found.get(f"{PEER}, cached")
    yield Figure(ONE, UNIT, found[ONE], PEER, one, targets.ONE_AT_A_TIME)
    yield Figure(ONE, UNIT, found[ONE], f"{PEER} with its cache", cached)
    yield Figure(ONE, UNIT, found[ONE], "SQLite, 1 a commit", found["SQLite, 1"])
    for window in WINDOWS:
        ours, target = found[in_flight(window)], targets.IN_FLIGHT if window == WIDEST else None
        yield Figure(in_flight(window), UNIT, ours, PEER, one, target)
    yield Figure(in_flight(WIDEST), UNIT, found[in_flight(WIDEST)], f"{PEER}, 8 threads", eight)
    yield Figure(
        in_flight(WIDEST), UNIT, found[in_flight(WIDEST)], f"{PEER} with its cache", cached
    )
    yield from _beside_sqlite(found)
    for window in WINDOWS:
        ours = found[f"dispatch, {window}"]
        yield Figure(f"structs by dispatch, {in_flight(window)}", UNIT, ours, PEER, one)
    yield Figure(READ_MODELS_TOO, UNIT, found[READ_MODELS_TOO], PEER, one)
    yield Figure(CPU, "µs", found[CPU], PEER, found.get(f"{PEER}, CPU"))


def _beside_sqlite(found: dict[str, Sample]) -> Iterator[Figure]:
    what, ours = in_flight(WIDEST), found[in_flight(WIDEST)]
    plain, indexed = found["SQLite, 64"], found["SQLite, 64, indexed"]
    yield Figure(what, UNIT, ours, "SQLite, 64 a commit", plain, targets.IN_FLIGHT_OF_SQLITE)
    yield Figure(what, UNIT, ours, f"{sqlite.INDEXED}, 64 a commit", indexed)


def _jobs(scale: Scale) -> Iterator[Job]:
    yield partial(_ledger, scale)
    peer = peers.eventsourcing()
    if peer is not None:
        yield partial(_eventsourcing, peer, scale)
    yield partial(_sqlite, scale)
    yield partial(_dispatched, scale)


def ledger_rate(place: Path, scale: Scale, window: int) -> float:
    """Deposits a second by `Ledger.send_many` with one window, in a ledger of its own."""
    with Ledger.open(place, env="test") as ledger:
        workload.send_all(ledger, workload.openings(scale.accounts))
        workload.warm_up(ledger, scale.accounts)
        commands = workload.deposits(scale.commands, scale.accounts)
        return rate(scale.commands, workload.send_all, ledger, commands, window=window)


def _ledger(scale: Scale, place: Path) -> Rates:
    found, sent = {}, scale.accounts + 1
    with Ledger.open(place, env="test") as ledger:
        workload.send_all(ledger, workload.openings(scale.accounts))
        sent += workload.warm_up(ledger, scale.accounts)
        single = workload.deposits(max(10, scale.commands // 40), scale.accounts)
        found[ONE] = rate(len(single), workload.send_one_by_one, ledger, single)
        sent += len(single)
        for window in WINDOWS:
            commands = workload.deposits(_count(scale, window), scale.accounts)
            workload.settle(ledger)
            send = partial(workload.send_all, ledger, commands, window=window)
            found[in_flight(window)] = rate(len(commands), send)
            sent += len(commands)
        commands = workload.deposits(_count(scale, WIDEST), scale.accounts)
        workload.settle(ledger)
        found[READ_MODELS_TOO], found[CPU] = rate_and_cpu(
            len(commands), _send_and_settle, ledger, commands
        )
        workload.check(ledger, events=sent + len(commands))
    return found


def _send_and_settle(ledger: Ledger, commands: list[workload.Wire]) -> None:
    workload.send_all(ledger, commands, window=WIDEST)
    workload.settle(ledger)


def _dispatched(scale: Scale, place: Path) -> Rates:
    found, sent = {}, scale.accounts + 1
    with Ledger.open(place, env="test") as ledger:
        workload.send_all(ledger, workload.openings(scale.accounts))
    with workload.runtime(place) as opened:
        workload.dispatch_all(
            opened, workload.deposit_structs(scale.accounts, scale.accounts), window=256
        )
        sent += scale.accounts
        for window in WINDOWS:
            commands = workload.deposit_structs(_count(scale, window), scale.accounts)
            found[f"dispatch, {window}"] = rate(
                len(commands), workload.dispatch_all, opened, commands, window=window
            )
            sent += len(commands)
        workload.check(opened.system.store, events=sent)
    return found


def _count(scale: Scale, window: int) -> int:
    """Fewer in narrow windows, which take longer for each."""
    return scale.commands if window == WIDEST else max(10, min(scale.commands // 2, 50 * window))


def _eventsourcing(peer: ModuleType, scale: Scale, place: Path) -> Rates:
    sizes = {"commands": scale.peer_commands, "accounts": min(scale.accounts, scale.peer_commands)}
    folders = [place / name for name in ("one", "threads", "cached")]
    for folder in folders:
        folder.mkdir()
    one, threads, cached = folders
    found, cpu = peer.deposits(one, **sizes)
    return {
        PEER: found,
        f"{PEER}, CPU": cpu,
        f"{PEER}, 8 threads": peer.deposits(threads, **sizes, threads=8)[0],
        f"{PEER}, cached": peer.deposits(cached, **sizes, cached=True)[0],
    }


def _sqlite(scale: Scale, place: Path) -> Rates:
    def measured(name: str, events: int, batch: int, *, indexed: bool = False) -> float:
        (place / name).mkdir()
        return sqlite.appends(
            place / name, events=events, streams=scale.accounts, batch=batch, indexed=indexed
        )

    return {
        "SQLite, 1": measured("single", max(10, scale.rows // 100), 1),
        "SQLite, 64": measured("plain", scale.rows, 64),
        "SQLite, 64, indexed": measured("indexed", scale.rows, 64, indexed=True),
    }
