"""What an actor takes next: from its mailbox, or from what has to come before it.

Before each message the loop tests one flag, the ref's `attention`. It is raised by whatever may
have to come before the message: a kill, an exit signal, the actor's own end, its suspension, a
trace, or messages that were held back. Only then does the loop look which it is. It lowers the flag
before it looks, and who raises it does so after what it stands for is in place.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from typing import Any

from supervision import links, telemetry, tracing
from supervision._pykka import StopRequest
from supervision.answering import Answering
from supervision.executor import ActorKilled, Executor
from supervision.mailbox import message_of
from supervision.messages import ATTEND, TIMEOUT, ExitSignal, SystemMessage
from supervision.reasons import NORMAL, ExitReason

__all__ = ["EXITING", "NOTHING", "ActorExit", "Intake"]

NOTHING: Any = object()
"""There is no message."""

EXITING: Any = object()
"""An exit signal ends the actor."""


class ActorExit(BaseException):
    """Raised by a wait for a message when an exit signal or a request to stop ends the actor."""


class Intake(Answering):
    """An actor's mailbox as the actor sees it. Runs in its thread but where it says otherwise."""

    receive_timeout: float | None
    trap_exits: bool

    _ending: ExitReason | None
    _executor: Executor | None
    _stash: deque[Any] | None = None  # most actors never have one, and it costs them nothing

    def exit(self, reason: ExitReason = NORMAL) -> None:
        """End with `reason` when the current message has been handled. The first reason holds."""
        if self._ending is None:
            self._ending = reason
            self._ref.attention = True

    def set_suspended(self, *, suspended: bool) -> None:
        """Hold back all but the runtime's messages from now on, or no longer; own thread."""
        if self._ref.suspended is suspended:
            return
        self._ref.suspended = suspended
        self._ref.attention = True
        if suspended:
            for item in [one for one in self._stash or () if _is_urgent(one)]:
                self._stash.remove(item)  # type: ignore[union-attr] # it is in there
                self._ref.signal(item)
        telemetry.emit(
            telemetry.ACTOR_SUSPENDED if suspended else telemetry.ACTOR_RESUMED, ref=self._ref
        )

    def messages_held(self) -> int:
        """Return how many messages are held back; from any thread."""
        return len(self._stash or ())

    def has_held_work(self) -> bool:
        """Return whether a turn would find something although the mailbox is empty."""
        waiting = self._ref.links is not None and self._ref.links.signals
        return not self._ref.suspended and bool(self._stash or waiting)

    def turn_executor(self) -> Executor | None:
        """Return the thread that it runs on, or ran on at last; `None` before its first turn."""
        return self._executor

    # -- what comes before the next message --------------------------------------------------------

    def _attend(self, take: Callable[[], Any]) -> Any:
        """Look at what may come before the next message; return it, or the message."""
        ref = self._ref
        ref.attention = False  # first: what comes after this raises it again
        if ref.kill_requested:
            raise ActorKilled
        item = None if ref.suspended and self.trap_exits else self._heed_signals()
        if self._ending is not None:
            return NOTHING
        if item is None:
            item = self._take_held(take)
        self._note_taken(item)
        if ref.suspended or ref.traces or self.has_held_work():
            ref.attention = True
        return item

    def _take_held(self, take: Callable[[], Any]) -> Any:
        if not self._ref.suspended:
            return self._stash.popleft() if self._stash else take()
        item = take()
        if item is NOTHING or _is_urgent(item):
            return item
        if self._stash is None:
            self._stash = deque()
        self._stash.append(item)
        return ATTEND

    def _heed_signals(self, wanted: Callable[[ExitSignal], bool] | None = None) -> Any:
        """Take exit signals; return one that is trapped and wanted, `EXITING` if one ends it."""
        ref = self._ref
        if ref.links is None or self._ending is not None:
            return None
        if self.trap_exits:
            return links.next_signal(ref) if wanted is None else links.take_signal(ref, wanted)
        while (signal := links.next_signal(ref)) is not None:
            if self._ends_by(signal):
                telemetry.emit(
                    telemetry.EXIT_SIGNAL, ref=ref, sender=signal.ref, reason=signal.reason
                )
                self.exit(signal.reason)
                return EXITING
        return None

    def _ends_by(self, signal: ExitSignal) -> bool:
        """Return whether this exit signal, which is not trapped, ends the actor."""
        return links.ends(self._ref, signal)

    def _note_taken(self, item: Any) -> None:
        if self._ref.traces and item is not NOTHING:
            tracing.note_in(self._ref, item)

    def _put_back(self, item: Any) -> None:
        if self._stash is None:
            self._stash = deque()
        self._stash.appendleft(item)
        self._ref.attention = True

    # -- the mailbox -------------------------------------------------------------------------------

    def _poll(self) -> Any:
        inbox = self._ref.actor_inbox
        if inbox.empty():
            return NOTHING
        try:
            return inbox.get_nowait()
        except queue.Empty:  # whoever abandoned the actor has emptied it
            return NOTHING

    def _next(self) -> Any:
        inbox = self._ref.actor_inbox
        return self._wait() if inbox.empty() else inbox.get()

    def _wait(self) -> Any:
        assert self._executor is not None
        work = self._executor.work
        work.pause(self._ref)
        item = self._from_inbox(None if self._ref.suspended else self.receive_timeout)
        work.resume()
        if item is NOTHING:
            self._ref.handled -= 1
            return TIMEOUT
        return item

    def _from_inbox(self, timeout: float | None) -> Any:
        try:
            if timeout is None:
                return self._ref.actor_inbox.get()
            if timeout <= 0:
                return self._ref.actor_inbox.get_nowait()
            return self._ref.actor_inbox.get(timeout=timeout)
        except queue.Empty:
            return NOTHING


def _is_urgent(item: Any) -> bool:
    message = message_of(item)
    return isinstance(message, StopRequest) or (
        isinstance(message, SystemMessage) and message.urgent
    )
