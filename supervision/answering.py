"""The ask that an actor handles, and the answers that it owes.

Who asks an actor is answered in any case: by what the hook returns, by whoever the answer was left
to, or by the actor's end. Everything here runs in the actor's thread, but for the end of one that
was abandoned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pykka

from supervision._pykka import StopRequest
from supervision.errors import ActorDead
from supervision.execution import shield
from supervision.future import Future

if TYPE_CHECKING:
    from supervision.ref import Ref

__all__ = ["Answering", "Debts"]


class Debts:
    """The answers that an actor owes beside the one to the ask it handles."""

    __slots__ = ("answers", "stops")

    def __init__(self) -> None:
        self.answers: dict[Future[Any], None] = {}  # a set that keeps its order
        self.stops: list[Future[Any]] = []

    def answered(self, future: Future[Any]) -> None:
        """Owe this answer no longer."""
        self.answers.pop(future, None)

    def settle(self, dead: ActorDead) -> None:
        """Answer all in order, for the actor has ended; for who asked it to, that is the answer."""
        for future in list(self.answers):
            future.try_set_exception(dead)
        for future in self.stops:
            future.try_set(None)


class Answering(pykka.Actor):
    """An actor's answers: given later, given away, or taken over from others."""

    _ref: Ref
    _reply: Future[Any] | None
    _debts: Debts | None

    def reply(self, value: Any = None) -> None:
        """Answer the current ask now, as `GenServer.reply`; what the hook returns is then ignored.

        One step: whenever this actor is killed, the asker has the answer or the exit reason. After
        `defer_reply` or `release_reply`, which leave the answer to another, and for a tell it does
        nothing.
        """
        if self._reply is not None:
            self._reply.try_set(value)

    def reply_exception(self, exception: BaseException) -> None:
        """Answer the current ask now with an exception, which its asker gets raised; as `reply`.

        This actor goes on, as after a `Rejection`, but the rest of the hook runs.
        """
        if self._reply is not None:
            self._reply.try_set_exception(exception)

    def defer_reply(self) -> Future[Any]:
        """Answer the current ask later: return its future, and ignore what the hook returns.

        Whoever has the future answers it, from any thread. If this actor ends before, it is
        answered with `ActorDead`. For a tell the future is one that nobody reads.
        """
        with shield():  # a kill in between would leave the ask in nobody's hands
            future = self.release_reply()
            self.adopt([future])
            future.add_done_callback(self._owed().answered)
        return future

    def release_reply(self) -> Future[Any]:
        """As `defer_reply`, but the duty to answer passes on: this actor's end does not answer it.

        For handing an ask to another actor with `Ref.forward`, which then answers in any case. Do
        both in one `shield`: if this actor is killed or crashes in between, nobody answers. To
        answer it here, `reply` needs none.
        """
        future, self._reply = self._reply, None
        if future is None:
            return Future()
        if future.deadline is not None:  # `remaining` goes on: a stand-in that nobody reads
            self._reply = Future()
            self._reply.deadline = future.deadline
        future.handed_to(None)
        return future

    def ask_deadline(self) -> float | None:
        """Return when the asker of the message being handled gives up, if ever."""
        return None if self._reply is None else self._reply.deadline

    def adopt(self, replies: Sequence[Any]) -> None:
        """Have `replies` answered with `ActorDead` if this actor ends before they are answered."""
        self._owed().answers.update(dict.fromkeys(replies))

    def disown(self, replies: Sequence[Any]) -> None:
        """Take back `adopt`: they have been answered."""
        if self._debts is not None:
            for reply in replies:
                self._debts.answered(reply)

    def _owe(self, message: Any, reply: Any) -> None:
        """Have the end of this actor answer `reply`, which came with `message`."""
        if isinstance(message, StopRequest):
            self._owed().stops.append(reply)
        else:
            self.adopt([reply])

    def _owed(self) -> Debts:
        if self._debts is None:
            self._debts = Debts()
        return self._debts
