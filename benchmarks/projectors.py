"""Projectors that catch up, beside SQLite reading and decoding the same rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks import histories, targets, workload
from benchmarks.measuring import Figure, Rates, ensure, interleaved, rate
from benchmarks.peers import sqlite
from benchmarks.scale import Scale
from ledger_actors.ledger import PROJECTORS
from ledger_actors.ledger.projectors.funding_accounts import FundingAccounts
from ledger_actors.ledger.projectors.trial_balance import TrialBalanceProjector
from ledger_actors.runtime import Projector, WaitFor

UNIT = "events a second"
PEER = "SQLite, read and decode"
ALL = "all four at once"


def figures(scale: Scale) -> Iterator[Figure]:
    """Yield the two that write at each of these events, and all at once."""
    found = interleaved(scale.repeats, [partial(_catch_up, scale)])
    for kind, target in (
        (FundingAccounts, targets.CATCH_UP_ACCOUNTS),
        (TrialBalanceProjector, targets.CATCH_UP_TRIAL_BALANCE),
    ):
        yield Figure(f"{kind.name} catches up", UNIT, found[kind.name], PEER, found[PEER], target)
    yield Figure(f"{ALL} catch up", UNIT, found[ALL], PEER, found[PEER])


def _catch_up(scale: Scale, place: Path) -> Rates:
    head = scale.projected // scale.accounts * scale.accounts + 1
    histories.write(place, events=head, accounts=scale.accounts)
    found = {PEER: sqlite.reads(place / "events.db")}
    for kind in (FundingAccounts, TrialBalanceProjector):
        found[kind.name] = rate(head, _project, place, [kind], head)
        shutil.rmtree(place / "read-models")
    found[ALL] = rate(head, _project, place, PROJECTORS, head)
    return found


def _project(place: Path, kinds: Sequence[type[Projector]], head: int) -> None:
    """Open a tree with these projectors, and wait until they have come to the head."""
    with workload.runtime(place, projectors=kinds, process_managers=()) as opened:
        for kind in kinds:
            reached = opened.consumer(kind).ask(WaitFor(head))
            ensure(reached == head, f"{kind.name} is at {reached}, not at {head}")
