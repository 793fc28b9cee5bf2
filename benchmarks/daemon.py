"""The daemon, from another process: a streamed import, and single requests while one runs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks import bare_client, commands, targets, workload
from benchmarks.importing import RunningImport
from benchmarks.measuring import Figure, Rates, Sample, interleaved, rate, seconds
from benchmarks.scale import Scale
from ledger_actors import Ledger, connect
from ledger_actors.demos.daemon_process import DaemonProcess

CLIENTS = 8
"""Connections with one request under way on each."""

BARE, THREADS = f"on {CLIENTS} connections", f"by {CLIENTS} threads of one client"

IN_PROCESS = "the same in process"
IMPORT, IMPORT_UNIT = "streamed import, 2,048 in flight", "commands a second"
QUIET, LOADED = "alone", "while an import runs"


def figures(scale: Scale) -> Iterator[Figure]:
    """Yield the import beside the same commands in process, and single requests."""
    found = interleaved(scale.repeats, [partial(_daemon, scale), partial(_in_process, scale)])
    ours, inside = found[IMPORT], found[IN_PROCESS]
    yield Figure(IMPORT, IMPORT_UNIT, ours, IN_PROCESS, inside, targets.STREAMED_IMPORT)
    yield Figure("the import itself", IMPORT_UNIT, found["background"], IN_PROCESS, inside)
    for who, how in ((BARE, LOADED), (BARE, QUIET), (THREADS, LOADED), (THREADS, QUIET)):
        judged = (who, how) == (BARE, LOADED)
        for key, unit, target in (
            ("rate", "a second", targets.SINGLE_REQUESTS),
            ("p50", "ms", None),
            ("p99", "ms", targets.SINGLE_P99),
        ):
            what = f"{who}, {how}: {key}"
            shown = f"single requests {what}"
            yield Figure(shown, unit, found[what], target=target if judged else None)


def _in_process(scale: Scale, place: Path) -> Rates:
    return {IN_PROCESS: commands.ledger_rate(place, scale, commands.WIDEST)}


def _daemon(scale: Scale, place: Path) -> Rates:
    data = place / "data"
    with DaemonProcess(data, LEDGER_ENV="test"), connect(data) as ledger:
        workload.send_all(ledger, workload.openings(scale.accounts))
        warm = workload.warm_up(ledger, scale.accounts)
        imported = workload.deposits(scale.commands, scale.accounts)
        found = {
            IMPORT: rate(
                scale.commands, workload.send_all, ledger, imported, window=commands.WIDEST
            )
        }
        workload.settle(ledger)
        found |= _requests(data, scale, QUIET)
        with RunningImport(data, accounts=scale.accounts) as background:
            head, began = ledger.status().head, time.perf_counter()
            found |= _requests(data, scale, LOADED)
            written = ledger.status().head - head - 2 * scale.requests
            found["background"] = written / (time.perf_counter() - began)
            taken = background.end()
        sent = 1 + warm + scale.accounts + scale.commands + 4 * scale.requests + taken
        workload.check(ledger, events=sent)
    return found


def _requests(data: Path, scale: Scale, how: str) -> Rates:
    """Send single requests; return how many a second, and how long they took in milliseconds."""
    commands = workload.deposits(scale.requests, scale.accounts)
    bare = bare_client.send_all(data, commands, connections=CLIENTS)
    found: Rates = {}
    for who, (a_second, taken) in ((BARE, bare), (THREADS, _by_threads(data, scale))):
        found[f"{who}, {how}: rate"] = a_second
        found[f"{who}, {how}: p50"] = taken.percentile(50) * 1_000
        found[f"{who}, {how}: p99"] = taken.percentile(99) * 1_000
    return found


def _by_threads(data: Path, scale: Scale) -> tuple[float, Sample]:
    share = scale.requests // CLIENTS
    shares = [workload.deposits(share, scale.accounts) for _ in range(CLIENTS)]
    shares[0].extend(workload.deposits(scale.requests - share * CLIENTS, scale.accounts))
    clients = [connect(data) for _ in range(CLIENTS)]
    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            began = time.perf_counter()
            taken = Sample(
                tuple(one for part in pool.map(_one_by_one, clients, shares) for one in part)
            )
            ended = time.perf_counter()
    finally:
        for client in clients:
            client.close()
    return scale.requests / (ended - began), taken


def _one_by_one(ledger: Ledger, requests: Sequence[workload.Wire]) -> list[float]:
    return [seconds(ledger.send, request) for request in requests]
