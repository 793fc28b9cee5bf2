"""What the door asks of the ledger behind it, and the in-process `Ledger` too.

`LedgerService` keeps this over a running tree. A method that returns a `Future` returns at once
and is answered by an actor; the others may read the disk and block, so that the door runs them on
worker threads. What they raise is for `translate.as_ledger_error` to put into words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias

from ledger_actors.daemon.connection import EventQuery
from ledger_actors.daemon.errors import LedgerError
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
from ledger_actors.daemon.translate import as_ledger_error
from supervision.future import Future

Answer: TypeAlias = Future[Any] | LedgerError
"""What a command that was submitted leads to: a future, or a refusal that is known at once."""


def is_done(answer: Answer) -> bool:
    """Whether the answer is here."""
    return isinstance(answer, LedgerError) or answer.done()


def outcome_of(service: Service, answer: Answer) -> CommandAnswer | LedgerError:
    """What came of a command whose answer is here, as a value. From any thread."""
    if isinstance(answer, LedgerError):
        return answer
    problem = answer.exception()
    return service.answer(answer.get(timeout=0)) if problem is None else as_ledger_error(problem)


class Service(Protocol):
    """The ledger as the door sees it."""

    def submit_many(self, lines: Sequence[bytes]) -> list[Answer]:
        """Decode commands and send them on their way, in order; each has its answer, in order.

        What is no command is a refusal in its place. `answer` reads what a future holds. May read
        an index of the disk, and waits for nobody.
        """

    def answer(self, outcome: Any) -> CommandAnswer:
        """The value of such a future as an answer of the protocol."""

    def commands(self) -> tuple[CommandInfo, ...]:
        """The commands there are."""

    def state(self, kind: str, id: str, *, as_of: int | None) -> StateAnswer:  # noqa: A002 - the domain's word
        """The state of an aggregate; blocks."""

    def head(self) -> int:
        """The id of the last event that was committed."""

    def on_commit(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each commit, in the journal's thread; returns how to end that."""

    def event_batches(self, query: EventQuery) -> Iterator[list[EventRecord]]:
        """The events up to `query.up_to`, some hundreds at a time; blocks, follows nothing."""

    def read(self, model: str, key: str | None = None) -> Any:
        """A read model's rows, or one, as JSON values; blocks until it has caught up."""

    def models(self) -> tuple[str, ...]:
        """The names that `read` knows."""

    def tree(self) -> TreeAnswer:
        """The supervision tree; blocks."""

    def status(self) -> StatusAnswer:
        """Health at a glance; blocks."""

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyAnswer:
        """Read the hash chain; blocks for as long as it takes."""

    def parked(self, consumer: str | None = None) -> tuple[ParkedEvent, ...]:
        """What consumers, or one of them, have put aside; blocks."""

    def parked_event(self, consumer: str, event_id: int) -> ParkedEvent:
        """One of those, with its traceback; blocks."""

    def act_on_parked(self, consumer: str, event_id: int, action: ParkedAction) -> ParkedAnswer:
        """Retry it and those behind it, or discard it; blocks until that is done."""

    def audit(self, progress: Callable[[int, int], None] | None = None) -> AuditAnswer:
        """Compare what each consumer has processed with the log; blocks for as long as it takes."""

    def actor(self, name: str, id: str | None) -> ActorInfo:  # noqa: A002 - the domain's word
        """What an actor is doing; blocks."""

    def act(self, name: str, id: str | None, action: ActorAction) -> Any:  # noqa: A002 - the domain's word
        """Tell, ask, kill or crash an actor; blocks until there is an answer."""

    def stop(self) -> None:
        """Begin an ordered stop of everything, this door included; returns at once."""
