"""One command's tries, until it is answered for good."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from ledger_actors.runtime.aggregate_messages import Execute
from ledger_actors.runtime.envelopes import CommandEnvelope, Outcome
from ledger_actors.runtime.errors import (
    CommandTimeout,
    DoesNotExist,
    TooManyConflicts,
    is_unreadable,
)
from ledger_actors.runtime.lanes import Traveller
from ledger_actors.store.errors import StoreUnavailable, WrongExpectedVersion
from ledger_actors.store.model import Appended
from supervision import SHUTDOWN, ActorDead, CallTimeout, Future, Ref, StartFailed

__all__ = ["Deliver", "Journey", "Ways", "is_of_the_moment", "pauses"]

FIRST_PAUSE = 0.005
LONGEST_PAUSE = 0.5


class Ways(Protocol):
    """Keeps those on their way in order."""

    def enter(self, travellers: Sequence[Traveller]) -> None:
        """Let them set out, each in its turn."""

    def leave(self, traveller: Traveller) -> None:
        """It has been answered for good."""

    def come_back(self, traveller: Traveller, pause: float) -> None:
        """It is to be tried again after a pause."""

    def wake(self, traveller: Traveller) -> None:
        """It is ready now."""


Deliver = Callable[[Any, Any, "Future[Any]", "Ref | None"], None]
"""Gives a message to whoever has a key, with a future for the answer; see `OnDemand.deliver`."""


class Journey:
    """A command that is tried again until it is done, refused, out of time, or overtaken too often.

    Its `outcome` is set in the thread of whoever answers last.
    """

    __slots__ = (
        "_conflict_retries",
        "_conflicts",
        "_deliver",
        "_envelope",
        "_last",
        "_missing",
        "_pauses",
        "_unknown",
        "_unseen_since",
        "key",
        "number",
        "outcome",
        "ways",
    )

    def __init__(
        self,
        envelope: CommandEnvelope,
        deliver: Deliver,
        ways: Ways,
        *,
        key: Hashable,
        number: float,
        conflict_retries: int,
        unseen_since: int | None,
    ) -> None:
        self._envelope = envelope
        self._deliver = deliver
        self.ways = ways
        self.key = key
        self.number = number
        self._conflict_retries = conflict_retries
        self._conflicts = 0
        self._last: BaseException | None = None
        self._pauses: Iterator[float] | None = None
        self._unseen_since = unseen_since
        self._unknown: dict[Hashable, None] | None = None  # a set that keeps its order
        self._missing: DoesNotExist | None = None
        self.outcome: Future[Outcome] = Future()

    def wait_for(self, named: Iterable[Hashable]) -> None:
        """Do not set out before `learn` has been called for each of these."""
        self._unknown = dict.fromkeys(named)

    def awaited(self) -> Sequence[Any]:
        """Return what it does not know yet whether it is there."""
        return tuple(self._unknown or ())

    def learn(self, named: Hashable, missing: DoesNotExist | None) -> None:
        """Take note of whether something that it names is there. In any thread."""
        assert self._unknown is not None, "wait_for comes first"
        self._missing = self._missing or missing
        self._unknown.pop(named, None)
        if not self._unknown:
            self.ways.wake(self)

    def is_ready(self) -> bool:
        """Return whether it is known of all that it names whether it is there."""
        return not self._unknown or self.outcome.done()

    def go(self, to: Ref | None) -> None:
        """Try once."""
        answer: Future[Appended] = Future(callback=self)
        message = Execute(self._envelope, self._missing, self._unseen_since)
        try:
            self._deliver(self.key, message, answer, to)
        except Exception as problem:  # noqa: BLE001 - it is the command's, and its caller's
            answer.try_set_exception(problem)

    def gave_up(self) -> bool:
        """Return whether it has been answered meanwhile, by its deadline."""
        return self.outcome.done()

    is_over = gave_up

    def expire(self) -> None:
        """Answer that it is not known what became of it: what is under way may still be done."""
        last = self._last or CallTimeout("it is still being decided, or written")
        envelope = self._envelope
        self.fail(CommandTimeout(envelope.type, envelope.command_id, last))

    def close(self) -> None:
        """Answer that nobody works on it any more, whether or not it was done."""
        self._last = ActorDead("the ledger", SHUTDOWN)
        self.expire()

    def refuse(self) -> None:
        """Answer that there is nobody to begin with it."""
        self.outcome.try_set_exception(ActorDead("the ledger", SHUTDOWN))

    def fail(self, problem: BaseException) -> None:
        """Answer with what it failed of, and hold up nobody any more."""
        self.outcome.try_set_exception(problem)
        if self._unknown:
            self.ways.wake(self)

    def __call__(self, answer: Future[Appended]) -> None:
        """Take the answer to one try."""
        problem = answer.exception()
        if problem is None:
            self.ways.leave(self)
            made = answer.get()
            self.outcome.try_set(Outcome(self._envelope.command_id, made.events, made.duplicate))
            return
        if self._is_of_the_moment(problem) and not self.outcome.done():
            self._again(problem)
        else:
            self.ways.leave(self)
            self.outcome.try_set_exception(self._final(problem))

    def _is_of_the_moment(self, problem: BaseException) -> bool:
        if isinstance(problem, WrongExpectedVersion):
            self._conflicts += 1
            return self._conflicts <= self._conflict_retries
        return is_of_the_moment(problem)

    def _final(self, problem: BaseException) -> BaseException:
        if isinstance(problem, WrongExpectedVersion):
            return TooManyConflicts(self._envelope.type, self._conflicts)
        return problem

    def _again(self, problem: BaseException) -> None:
        at_once = self._last is None and _needs_no_pause(problem)
        self._last = problem
        self.ways.come_back(self, 0.0 if at_once else self._next_pause())

    def _next_pause(self) -> float:
        if self._pauses is None:
            self._pauses = pauses()
        return next(self._pauses)


def is_of_the_moment(problem: BaseException | None) -> bool:
    """Return whether it may go better a moment later, when the tree has restarted what ended.

    Not where an actor ended over an event that this program cannot read.
    """
    if not isinstance(problem, ActorDead | StartFailed):
        return isinstance(problem, StoreUnavailable)
    cause: BaseException | None = problem
    while isinstance(cause, ActorDead | StartFailed):
        cause = getattr(cause.reason, "exception", None)
    return cause is None or not is_unreadable(cause)


def pauses() -> Iterator[float]:
    """Yield the seconds before each of the tries that wait: doubling, half a second at most."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


def _needs_no_pause(problem: BaseException) -> bool:
    """Return whether it may be tried at once: whoever comes after one that ended needs no time."""
    return isinstance(problem, ActorDead | WrongExpectedVersion)
