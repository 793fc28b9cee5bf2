"""A question to an aggregate, in its turn behind the commands that were sent to it before."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import chain
from typing import Any

from ledger_actors.runtime.journey import Deliver, Ways, is_of_the_moment, pauses
from supervision import SHUTDOWN, ActorDead, CallTimeout, Future, Ref

__all__ = ["Question"]


class Question:
    """A message that is asked again, of whoever comes after, if the one asked ends first.

    `outcome` is the answer, or what kept it from being given; it is set in any thread.
    """

    __slots__ = ("_deliver", "_message", "_pauses", "key", "number", "outcome", "ways")

    def __init__(
        self,
        message: Any,
        deliver: Deliver,
        ways: Ways,
        *,
        key: Hashable,
        number: float,
    ) -> None:
        self._message = message
        self._deliver = deliver
        self.ways = ways
        self._pauses: Iterator[float] | None = None
        self.key = key
        self.number = number
        self.outcome: Future[Any] = Future()

    def go(self, to: Ref | None) -> None:
        """Ask once."""
        answer: Future[Any] = Future(callback=self._answered)
        self._deliver(self.key, self._message, answer, to)

    def is_ready(self) -> bool:
        """It rests on nothing."""
        return True

    def gave_up(self) -> bool:
        """Return whether it has been answered meanwhile, by its deadline."""
        return self.outcome.done()

    is_over = gave_up

    def expire(self) -> None:
        """Answer that it took too long."""
        self.outcome.try_set_exception(CallTimeout(f"{self.key!r} gave no answer in time"))

    def close(self) -> None:
        """Answer that there is nobody to answer it any more."""
        self.outcome.try_set_exception(ActorDead("the ledger", SHUTDOWN))

    def _answered(self, answer: Future[Any]) -> None:
        problem = answer.exception()
        if is_of_the_moment(problem) and not self.gave_up():
            if self._pauses is None:
                self._pauses = chain((0.0,), pauses())  # who comes after needs no time, as a rule
            self.ways.come_back(self, next(self._pauses))
            return
        self.ways.leave(self)
        if problem is None:
            self.outcome.try_set(answer.get())
        else:
            self.outcome.try_set_exception(problem)
