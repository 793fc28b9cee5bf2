"""On the wire: what consumers have put aside, and what an audit of them found."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ledger_actors.daemon.protocol import ErrorDetail

_Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000, pattern=r"\S")]


class ParkedEvent(msgspec.Struct, frozen=True):
    """An event that a consumer could not process.

    `state`: "parked"; "behind" an earlier one of its `key`; "retrying", it is tried again soon; or
    "stopped", where the consumer has stopped at it.
    """

    consumer: str
    event_id: int
    state: str
    key: str
    type: str
    stream: str
    attempts: int
    error: str
    parked_at: str | None = None
    traceback: str | None = None

    def __repr__(self) -> str:
        why = "behind an earlier one" if self.state == "behind" else self.error
        tried = f", {self.attempts} attempts" if self.attempts else ""
        what = f"event {self.event_id} ({self.type} of {self.stream})"
        told = f"{self.consumer}: {what} {self.state}{tried}: {why}"
        return told if self.traceback is None else f"{told}\n\n{self.traceback.rstrip()}"


class ParkedAction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to do with a parked event: the body of POST. A discard says why, and who does it."""

    action: Literal["retry", "discard"]
    reason: _Sentence | None = None
    author: _Sentence | None = None


class ParkedAnswer(msgspec.Struct, frozen=True):
    """What came of it: how many events of the key were processed, how many are still parked.

    `error`: what was wrong with the first of those.
    """

    processed: int
    left: int
    error: str | None = None

    def __repr__(self) -> str:
        told = f"{self.processed:,} processed, {self.left:,} of the same key left"
        return told if self.error is None else f"{told}: {self.error}"


class AuditedRange(msgspec.Struct, frozen=True):
    """Events `first` to `last`: what was processed of them is not what is in the log."""

    first: int
    last: int
    what: str


class AuditedConsumer(msgspec.Struct, frozen=True):
    """One consumer: `events` were processed of those behind event `counted_after`.

    `None`: it counts nothing yet.
    """

    consumer: str
    position: int | None
    counted_after: int | None
    events: int
    parked: int
    discarded: int
    findings: tuple[AuditedRange, ...] = ()

    def __repr__(self) -> str:
        if self.counted_after is None:
            return f"{self.consumer}: nothing is counted yet"
        since = f" behind event {self.counted_after:,}" if self.counted_after else ""
        told = [f"{self.events:,} events processed{since}"]
        if self.parked:
            told.append(f"{self.parked:,} parked")
        if self.discarded:
            told.append(f"{self.discarded:,} discarded")
        verdict = "not as in the log" if self.findings else "as in the log"
        lines = [f"  events {one.first:,} to {one.last:,}: {one.what}" for one in self.findings]
        where = f"{self.position or 0:,}"
        return "\n".join([f"{self.consumer} at {where}: {', '.join(told)}: {verdict}", *lines])


class AuditAnswer(msgspec.Struct, frozen=True):
    """Whether each consumer has processed each event that it wants, once."""

    ok: bool
    consumers: tuple[AuditedConsumer, ...]

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.consumers))


class AuditLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of GET /v1/audit: progress, and at the end the report."""

    checked: int | None = None
    total: int | None = None
    report: AuditAnswer | None = None
    error: ErrorDetail | None = None
