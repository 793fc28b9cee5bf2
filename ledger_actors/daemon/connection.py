"""What `Ledger` needs from the other side, whether that is this process or a daemon.

Two classes keep this contract: `LocalConnection` over the service of a tree in this process,
`HttpConnection` over a daemon's door. Every method may be called from any thread, blocks until it
is answered, and raises a `LedgerError` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import msgspec

from ledger_actors.daemon.errors import BadRequest, LedgerError
from ledger_actors.daemon.parked_protocol import (
    AuditAnswer,
    ParkedAction,
    ParkedAnswer,
    ParkedEvent,
)
from ledger_actors.daemon.protocol import (
    ActorAction,
    ActorInfo,
    CommandAnswer,
    CommandInfo,
    EventRecord,
    StateAnswer,
    StatusAnswer,
    TreeAnswer,
    VerifyAnswer,
)

LARGEST_ID = 2**63 - 1
"""The largest number that an event's id can be."""


class CommandRequest(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A command on its way in. `data` is JSON already; the other side validates it."""

    type: str
    data: msgspec.Raw
    command_id: str | None = None
    author: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


class EventQuery(msgspec.Struct, frozen=True):
    """Which events, and whether to wait for those to come."""

    after: int = 0
    up_to: int | None = None
    types: tuple[str, ...] = ()
    stream: str | None = None
    limit: int | None = None
    follow: bool = False

    def __post_init__(self) -> None:
        """Refuse a number that is no event id and no count."""
        for name in ("after", "up_to", "limit"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= LARGEST_ID:
                raise BadRequest(f"{name}: expected a number from 0 to {LARGEST_ID:,}; got {value}")

    def goes_on(self, after: int, left: int | None) -> bool:
        """Whether events that are still to come are wanted, behind this one."""
        return self.follow and left != 0 and (self.up_to is None or after < self.up_to)


class Connection(Protocol):
    """The other side of a `Ledger`."""

    @property
    def address(self) -> str:
        """Where it is, for a person."""

    def send(self, command: CommandRequest) -> CommandAnswer:
        """Send one command; return its events."""

    def send_many(
        self, commands: Iterable[CommandRequest], *, window: int
    ) -> Iterator[CommandAnswer | LedgerError]:
        """Send many; yield what came of each, in order."""

    def commands(self) -> tuple[CommandInfo, ...]:
        """Return the commands there are."""

    def state(self, kind: str, id: str, *, as_of: int | None) -> StateAnswer:  # noqa: A002 - the domain's word
        """Return the state of an aggregate."""

    def events(self, query: EventQuery) -> Iterator[EventRecord]:
        """Yield events in order; with `follow`, those to come too."""

    def read(self, model: str, key: str | None = None) -> Any:
        """Return a read model's rows as JSON values: `memberships`, `balances`, `products`, ..."""

    def tree(self) -> TreeAnswer:
        """Return the supervision tree."""

    def status(self) -> StatusAnswer:
        """Return health at a glance."""

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyAnswer:
        """Read the hash chain from the first row to the last."""

    def parked(self, consumer: str | None = None) -> tuple[ParkedEvent, ...]:
        """Return what consumers, or one of them, have put aside."""

    def parked_event(self, consumer: str, event_id: int) -> ParkedEvent:
        """Return one of those, with its traceback."""

    def act_on_parked(self, consumer: str, event_id: int, action: ParkedAction) -> ParkedAnswer:
        """Retry it and those behind it, or discard it."""

    def audit(self, progress: Callable[[int, int], None] | None = None) -> AuditAnswer:
        """Compare what each consumer has processed with the log."""

    def actor(self, name: str, id: str | None) -> ActorInfo:  # noqa: A002 - the domain's word
        """Return what an actor is doing."""

    def act(self, name: str, id: str | None, action: ActorAction) -> Any:  # noqa: A002 - the domain's word
        """Tell, ask, kill or crash an actor."""

    def stop(self) -> None:
        """Stop the ledger in order."""

    def close(self) -> None:
        """Let go of it."""
