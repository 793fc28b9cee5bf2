"""What goes through the door: requests and answers as msgspec structs, JSON on the wire.

One protocol for everybody: the shell, the command line, curl, a browser, Prometheus.

=======  =========================  ==========================================================
Method   Path                       Answer
=======  =========================  ==========================================================
POST     /v1/commands               one command (JSON) -> its events; many (NDJSON) -> one line
                                    each, in order, while more are still coming in
GET      /v1/commands               the commands there are; /v1/commands/NAME for one
GET      /v1/streams/KIND/ID        the state of an aggregate, `?as_of=EVENT_ID`
GET      /v1/events                 NDJSON; `?after= &types= &stream= &limit= &follow=true`
GET      /v1/memberships            every company's membership; /v1/memberships/COMPANY
GET      /v1/balances               funding accounts; /v1/balances/ACCOUNT
GET      /v1/products               financial products with an outstanding balance
GET      /v1/trial-balance          what came in, what went out, and that the sum is zero
GET      /v1/tree, /v1/status       the supervision tree; health, positions, lag
GET      /v1/verify                 the hash chain, row by row, as NDJSON with progress
GET      /v1/audit                  what consumers have processed against the log, likewise
GET      /v1/parked                 what they could not process; `?consumer=NAME`
GET      /v1/parked/CONSUMER/ID     one of those, with its traceback
POST     /v1/parked/CONSUMER/ID     `{"action": "retry|discard", "reason": .., "author": ..}`
GET      /v1/actors/NAME[/ID]       what an actor is doing
POST     /v1/actors/NAME[/ID]       `{"action": "tell|ask|kill|crash", "message": ...}`
POST     /v1/stop                   an ordered stop
GET      /metrics                   numbers for Prometheus
=======  =========================  ==========================================================

An answer that is no success is an `ErrorBody`, always.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import asdict

from ledger_actors.daemon.errors import LedgerError, error_from

PROTOCOL_VERSION = 1
"""Sent by both sides in `PROTOCOL_HEADER`; a door refuses a client of another version."""

PROTOCOL_HEADER = "Ledger-Protocol"
MAX_COMMAND_BYTES = 1024 * 1024
"""The size of one command. Beyond it the door stops reading, whatever the client still sends."""

MAX_WINDOW = 4096
"""How many commands of one stream may wait for their answers."""

MAX_DEPTH = 64
"""How deep a message to an actor may be nested."""

MAX_ASK_SECONDS = 50.0
"""How long an ask through the door may wait; its client waits for an answer a little longer."""

NDJSON = "application/x-ndjson"
JSON = "application/json"


class ErrorDetail(msgspec.Struct, frozen=True):
    """A refusal on the wire."""

    code: str
    message: str
    status: int


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of every answer that is not a success: `{"error": {...}}`."""

    error: ErrorDetail

    @classmethod
    def of(cls, error: LedgerError) -> ErrorBody:
        """Put a refusal into its wire form."""
        return cls(ErrorDetail(code=error.code, message=error.message, status=error.status))

    def exception(self) -> LedgerError:
        """The same refusal as an exception of the same class."""
        return error_from(self.error.code, self.error.message, self.error.status)


class EventRecord(msgspec.Struct, frozen=True, gc=False):
    """An event as it was recorded. `data` is its payload, read when asked for."""

    id: int
    stream: str
    version: int
    type: str
    schema_version: int
    payload: msgspec.Raw = msgspec.field(name="data")
    recorded_at: str
    author: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    command_id: str | None = None
    command_index: int | None = None

    @property
    def data(self) -> dict[str, Any]:
        """The payload as a dict, as it lies in the store."""
        found: dict[str, Any] = msgspec.json.decode(self.payload)
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventRecord) and msgspec.json.encode(self) == msgspec.json.encode(
            other
        )

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        told = " ".join(f"{key}={_short(value)}" for key, value in self.data.items())
        return f"#{self.id} {self.type} {self.stream} v{self.version}  {told}"


def _lines(told: Mapping[str, object]) -> str:
    """A name and its value on each line, one under the other."""
    width = max(map(len, told))
    return "\n".join(f"{k:<{width}}  {'-' if v is None else v}" for k, v in told.items())


def _short(value: object, limit: int = 60) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


class CommandAnswer(msgspec.Struct, frozen=True, gc=False):
    """What came of a command: its events, in order. `duplicate`: its id had been seen before."""

    events: tuple[EventRecord, ...]
    duplicate: bool = False


class StateAnswer(msgspec.Struct, frozen=True):
    """An aggregate's state at a version of its stream."""

    stream: str
    version: int
    state: dict[str, Any]
    as_of: int | None = None


class CommandField(msgspec.Struct, frozen=True):
    """One field of a command: what is expected there, in words."""

    name: str
    type: str
    required: bool
    default: Any = None


class CommandInfo(msgspec.Struct, frozen=True):
    """A command as a person learns it."""

    type: str
    summary: str
    fields: tuple[CommandField, ...]


class ActorInfo(msgspec.Struct, frozen=True):
    """What an actor is doing now."""

    address: str
    actor_class: str
    status: str
    name: str | None = None
    mailbox: int | None = None
    restarts: int | None = None
    last_crash: str | None = None
    details: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        told = {name: value for name, value in asdict(self).items() if value is not None}
        del told["details"]
        told.pop("name", None)
        return _lines(told | dict(self.details))


class ActorAction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /v1/actors/...: what to do with the actor."""

    action: Literal["tell", "ask", "kill", "crash"]
    message: Any = None
    timeout: Annotated[float, msgspec.Meta(gt=0, le=MAX_ASK_SECONDS)] | None = None


class TreeRecord(msgspec.Struct, frozen=True):
    """A node of the supervision tree. `id` is the name that `ledger.actor` takes.

    `note`: a consumer has parked events, or is about to try one again, or has stopped at one.
    """

    id: str
    kind: str
    status: str
    restarts: int = 0
    mailbox: int = 0
    last_crash: str | None = None
    children: tuple[TreeRecord, ...] = ()
    hidden_children: int = 0
    note: str | None = None


class TreeAnswer(msgspec.Struct, frozen=True):
    """The tree as data and as text."""

    root: TreeRecord
    text: str

    def __repr__(self) -> str:
        return self.text


class ConsumerStatus(msgspec.Struct, frozen=True):
    """Where a process manager or projector is: `lag` is how many events it is behind.

    `stopped_because`: it has ended for good, over something that no restart would change. `parked`
    is how many events it has put aside; `failing` is the one that it is about to try again.
    """

    name: str
    kind: str
    position: int | None
    lag: int | None
    alive: bool
    stopped_because: str | None = None
    parked: int = 0
    failing: str | None = None

    def told(self) -> str:
        """How it is, in words."""
        told = [self._stands()]
        if self.parked:
            told.append(f"{self.parked:,} parked")
        if self.failing is not None and self.stopped_because is None:
            told.append(f"about to try again: {self.failing}")
        return ", ".join(told)

    def _stands(self) -> str:
        if not self.alive:
            why = self.stopped_because
            return f"{self.kind}, not running" if why is None else f"{self.kind}, stopped: {why}"
        if self.position is None:
            return f"{self.kind}, starting"
        return f"{self.kind} at event {self.position:,}, {self.lag:,} behind"


class StatusAnswer(msgspec.Struct, frozen=True):
    """Health at a glance."""

    version: str
    env: str
    pid: int
    folder: str
    door: str | None
    started_at: str
    head: int
    business_date: str | None
    aggregates: int | None
    threads: int
    abandoned: int
    consumers: tuple[ConsumerStatus, ...]

    def __repr__(self) -> str:
        told = {name: value for name, value in asdict(self).items() if name != "consumers"}
        return _lines(told | {one.name: one.told() for one in self.consumers})


class Problem(msgspec.Struct, frozen=True):
    """Something that `verify` found; `event_id` is the row, if it is about one."""

    event_id: int | None
    what: str


class VerifyAnswer(msgspec.Struct, frozen=True):
    """The hash chain was read from the first row to the last.

    `head_hash` stands for the whole history up to event `head`; written down elsewhere, it also
    shows a later change by somebody who recomputed the chain.
    """

    events: int
    ok: bool
    problems: tuple[Problem, ...]
    head: int = 0
    head_hash: str = ""

    def __repr__(self) -> str:
        found = [problem.what for problem in self.problems]  # sentences that name the event
        count = "1 problem" if len(found) == 1 else f"{len(found):,} problems"
        verdict = "the chain holds" if self.ok else count
        head = [f"the hash of event {self.head}: {self.head_hash}"] if self.ok and self.head else []
        return "\n".join([*found, f"{self.events:,} events: {verdict}", *head])


class VerifyLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of GET /v1/verify: progress, and at the end the report."""

    checked: int | None = None
    total: int | None = None
    report: VerifyAnswer | None = None
    error: ErrorDetail | None = None


class AnswerLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One line of the answer to a stream of commands: events, or the refusal of that one alone."""

    events: tuple[EventRecord, ...] | None = None
    duplicate: bool = False
    error: ErrorDetail | None = None

    def outcome(self) -> CommandAnswer | LedgerError:
        """The answer or the refusal, as a value."""
        if self.error is not None:
            return ErrorBody(self.error).exception()
        return CommandAnswer(self.events or (), self.duplicate)


class EventLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One line of GET /v1/events: an event, or the refusal that ended it. A blank line: alive."""

    event: EventRecord | None = None
    error: ErrorDetail | None = None
