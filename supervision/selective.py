"""Taking messages within a hook: one that is waited for, or all that wait already.

Source of the idea: Erlang's selective `receive
<https://www.erlang.org/doc/system/expressions.html#receive>`_.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from supervision._pykka import Envelope, StopRequest
from supervision.errors import CallTimeout, NotSupported
from supervision.execution import interruptible, shield
from supervision.intake import EXITING, NOTHING, ActorExit, Intake
from supervision.mailbox import message_of
from supervision.messages import ATTEND, SystemMessage, is_for_users, is_stop, stop_reason
from supervision.work import ON_STOP

__all__ = ["Selective"]


class Selective(Intake):
    """What an actor may take from its mailbox itself. Runs in its thread, within its hooks."""

    def receive(
        self,
        match: Callable[[Any], bool],
        *,
        timeout: float | None = None,
        system: bool = False,
        only_new: bool = False,
    ) -> Any:
        """Wait for a message that `match` accepts and return it: Erlang's selective receive.

        Other messages wait, in their order, until the current hook is done; so does one on which
        `match` raises. Only for actors on their own thread. One that was asked is matched by its
        message and returned as an envelope, whose `reply_to` the caller answers; if this actor ends
        first it is answered with `ActorDead`.

        An exit signal that ends the actor breaks the wait off, and so does a request to stop: the
        hook is left, and what waits is answered with `ActorDead`. An actor that traps exits is
        stopped when its hook is done, and its signals are offered to `match`, as `Down` is. In the
        last hooks, and in a `shield`, nothing breaks it off.

        Args:
            match: whether a message is the one; called in this thread.
            timeout: seconds to wait at most.
            system: show `match` the runtime's own messages, too; a request to stop is then one
                that it may accept, and breaks nothing off.
            only_new: do not look again at what an earlier `receive` left waiting; for who asks
                often for the same, and would go over a long mailbox each time.

        Raises:
            CallTimeout: none came within `timeout` seconds.
            NotSupported: the actor runs on a shared pool.
        """
        if self._ref.busy is not None:
            msg = f"{self._ref.label} runs on a shared pool: only own-thread actors may receive"
            raise NotSupported(msg)
        may_be_killed = interruptible()
        judge = match if system else self._for_users(match, heed_stops=may_be_killed)
        with shield():
            item = self._select(judge, timeout, interruptible=may_be_killed, only_new=only_new)
            if item.__class__ is Envelope and item.reply_to is not None:
                self._owe(item.message, item.reply_to)
            if not system and is_stop(message_of(item)):
                self.exit(stop_reason(message_of(item)))
        if item is EXITING:
            raise ActorExit
        self._note_taken(item)
        if not system and is_stop(message_of(item)):
            raise ActorExit
        if item is NOTHING:
            msg = f"no matching message within {timeout} seconds"
            raise CallTimeout(msg)
        return item

    def take_waiting(
        self, limit: int, match: Callable[[Envelope[Any]], bool] | None = None
    ) -> list[Envelope[Any]]:
        """Take at most `limit` messages that wait right now, as envelopes; do not wait.

        Stops at a message of the runtime's own, such as a request to stop, and at the first for
        which `match` returns false. The caller answers each `reply_to` and then lets go of it with
        `disown`; if this actor ends before, they are answered with `ActorDead`.
        """
        taken: list[Envelope[Any]] = []
        with shield():
            while len(taken) < limit:
                item = self._stash.popleft() if self._stash else self._from_inbox(0.0)
                if item is NOTHING:
                    break
                if item is ATTEND:
                    continue  # the flag is up, and is seen before the next message
                envelope = item if item.__class__ is Envelope else Envelope(item)
                stops = isinstance(message_of(item), (SystemMessage, StopRequest))
                if stops or (match is not None and not match(envelope)):
                    self._put_back(item)
                    break
                taken.append(envelope)
            self.adopt([one.reply_to for one in taken if one.reply_to is not None])
        for one in taken:
            self._note_taken(one)
        return taken

    def _for_users(
        self, match: Callable[[Any], bool], *, heed_stops: bool
    ) -> Callable[[Any], bool]:
        """Return `match` for what a user may see; it also takes what breaks the wait off."""
        heed_stops = heed_stops and not (self.trap_exits or self._is_ending())

        def judge(message: Any) -> bool:
            return match(message) if is_for_users(message) else heed_stops and is_stop(message)

        return judge

    def _select(
        self,
        match: Callable[[Any], bool],
        timeout: float | None,
        *,
        interruptible: bool,
        only_new: bool,
    ) -> Any:
        stash = self._stash = self._stash if self._stash is not None else deque()
        for index, item in enumerate(() if only_new else stash):
            if match(message_of(item)):
                del stash[index]
                return item
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            if interruptible and self._ref.attention:
                item = self._heed_while_waiting(match)
                if item is not None:
                    return item
            remaining = None if deadline is None else deadline - time.monotonic()
            item = self._from_inbox(remaining)
            if item is ATTEND:
                continue
            if item is NOTHING:
                return item
            stash.append(item)  # first: `match` may raise, and then it is not lost
            self._ref.attention = True
            if match(message_of(item)):
                return stash.pop()

    def _heed_while_waiting(self, match: Callable[[Any], bool]) -> Any:
        if self._ref.kill_requested:
            return NOTHING
        if self._is_ending():
            return None  # the first reason holds
        return self._heed_signals(match)

    def _is_ending(self) -> bool:
        if self._ending is not None:
            return True
        return self._executor is not None and self._executor.work.item is ON_STOP
