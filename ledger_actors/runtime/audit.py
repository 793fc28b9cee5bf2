"""The audit: has each consumer processed each event that it wants, once?

A consumer counts what it processes and adds it to a digest, block by block of ids, in the
transaction in which it does so (`store.tally`). Here the same is worked out from the log, less what
is parked and what was discarded, and the two are compared. Where they differ, the range is named,
and where one event makes the difference, that event.

It is of the moment at which each consumer's figures are read, and disturbs nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from ledger_actors.runtime.consumer import Consumer
from ledger_actors.runtime.discards import discarded
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.runtime.projector import Projector
from ledger_actors.runtime.read_models import standing_of
from ledger_actors.runtime.system import System
from ledger_actors.store.model import Heading, Standing
from ledger_actors.store.tally import BLOCK, MASK, BlockTally, mixed, tallies

__all__ = ["AuditFinding", "ConsumerAudit", "audit", "standing_of_consumer"]

MOST_FINDINGS = 100
"""As many ranges of a consumer are named."""


class AuditFinding(msgspec.Struct, frozen=True):
    """Events `first` to `last`: what a consumer has processed of them is not what is in the log."""

    first: int
    last: int
    what: str


class ConsumerAudit(msgspec.Struct, frozen=True):
    """What was found of one consumer, which stands at `position`.

    `events` of those behind event `counted_after` were counted; what was before was not, by an
    earlier release or while it wanted other events. `None`: it counts nothing yet.
    """

    consumer: str
    position: int | None
    counted_after: int | None
    events: int = 0
    parked: int = 0
    discarded: int = 0
    findings: tuple[AuditFinding, ...] = ()


@dataclass(slots=True)
class _Case:
    """One consumer, and what of the log it should have processed, by block."""

    name: str
    wanted: EventFilter
    standing: Standing
    left_out: set[int]
    expected: dict[int, BlockTally] = field(default_factory=dict)

    @property
    def after(self) -> int:
        counting = self.standing.counting
        return self.up_to if counting is None else counting.after

    @property
    def up_to(self) -> int:
        return self.standing.position or 0

    def ids(self, page: Iterable[Heading]) -> list[int]:
        """Return those that it should have processed."""
        after, up_to, left_out, wanted = self.after, self.up_to, self.left_out, self.wanted
        return [
            one.id
            for one in page
            if after < one.id <= up_to
            and wanted.wants_type(one.type)
            and one.id not in left_out
            and wanted.wants_stream(one.stream)
        ]

    def add(self, page: Iterable[Heading]) -> None:
        for tally in tallies(self.ids(page)):
            known = self.expected.get(tally.block)
            self.expected[tally.block] = tally if known is None else _both(known, tally)


def audit(
    system: System,
    consumers: Iterable[type[Consumer]],
    progress: Callable[[int, int], None] | None = None,
) -> list[ConsumerAudit]:
    """Compare what each consumer has processed with the log; blocks, in the caller's thread.

    `progress(done, total)` is called now and then, with event ids.
    """
    cases = [_case(system, kind) for kind in consumers]
    first = min((case.after for case in cases if case.after < case.up_to), default=0)
    last = max((case.up_to for case in cases), default=0)
    for page in system.store.headings(after=first, up_to=last):
        for case in cases:
            case.add(page)
        if progress is not None:
            progress(page[-1].id, last)
    return [_result(system, case) for case in cases]


def standing_of_consumer(system: System, kind: type[Consumer]) -> Standing:
    """Return how far a consumer has come and what it has parked, from where it writes that."""
    if not issubclass(kind, Projector):
        return system.store.standing(kind.name)
    try:
        return kind.read(system, standing_of)
    except LookupError:  # it has never run
        return Standing(None, None, (), ())


def _case(system: System, kind: type[Consumer]) -> _Case:
    standing = standing_of_consumer(system, kind)
    # Behind the standing: a discard is written before its event is no longer parked.
    left_out = discarded(system, kind.name) | {row.event_id for row in standing.parked}
    wanted = kind.filter_of(system.events)
    counting = standing.counting
    if counting is not None and counting.wanted != wanted.told():
        standing = msgspec.structs.replace(standing, counting=None)  # it will begin anew
    return _Case(kind.name, wanted, standing, left_out)


def _result(system: System, case: _Case) -> ConsumerAudit:
    standing = case.standing
    counting = standing.counting
    findings = () if counting is None else tuple(_findings(system, case))[:MOST_FINDINGS]
    return ConsumerAudit(
        case.name,
        standing.position,
        None if counting is None else counting.after,
        0 if counting is None else sum(tally.events for tally in standing.blocks),
        len(standing.parked),
        len(case.left_out) - len(standing.parked),
        findings,
    )


def _findings(system: System, case: _Case) -> Iterator[AuditFinding]:
    found = {tally.block: tally for tally in case.standing.blocks}
    for block in sorted(found.keys() | case.expected.keys()):
        nothing = BlockTally(block, 0, 0)
        is_, should = found.get(block, nothing), case.expected.get(block, nothing)
        if is_ == should:
            continue
        first = max(block * BLOCK, case.after) + 1
        last = min((block + 1) * BLOCK, max(case.up_to, first))
        pages = system.store.headings(after=block * BLOCK, up_to=(block + 1) * BLOCK)
        every = [one.id for page in pages for one in page]
        yield AuditFinding(first, last, _difference(is_, should, every))


def _difference(is_: BlockTally, should: BlockTally, ids: Sequence[int]) -> str:
    """Return in words how what was processed differs from what should have been."""
    more = is_.events - should.events
    if more == -1:
        return _named("was skipped", should.digest - is_.digest, ids) or "one event was skipped"
    if more == 1:
        twice = _named(
            "was processed twice, or should not have been", is_.digest - should.digest, ids
        )
        return twice or "one event too many was processed"
    counts = f"{is_.events:,} processed, {should.events:,} in the log"
    if more < 0:
        return f"{-more:,} events were skipped ({counts})"
    if more > 0:
        return f"{more:,} events too many were processed ({counts})"
    return f"not those that are in the log: some were skipped, as many processed twice ({counts})"


def _named(what: str, difference: int, ids: Sequence[int]) -> str | None:
    """Return that it was this event, if one makes the difference."""
    wanted = difference & MASK
    found = next((one for one in ids if mixed(one) == wanted), None)
    return None if found is None else f"event {found} {what}"


def _both(one: BlockTally, other: BlockTally) -> BlockTally:
    return BlockTally(one.block, one.events + other.events, (one.digest + other.digest) & MASK)
