"""Mailboxes with a limit, and what happens to a message that finds one full.

An actor that asks for none has a plain queue without a limit, and pays nothing for these. What the
runtime itself sends (starts, exits, reports of monitors, requests to stop) is never counted,
refused or dropped: a full mailbox can always be stopped, and a supervisor hears of every end.

A sender that must wait leaves its message at the door, and whoever takes a message out lets the
first one in: so messages arrive in the order in which they were sent, also by several senders.
What a selective receive has put aside is the actor's own and no longer counted.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from supervision._pykka import Envelope, StopRequest
from supervision.calls import waiting_for
from supervision.errors import ActorDead, CallCycle, CallTimeout, MailboxFull
from supervision.execution import blocking, shield
from supervision.messages import RuntimeMessage

if TYPE_CHECKING:
    from supervision.ref import Ref

__all__ = ["BoundedInbox", "Mailbox", "Overflow", "message_of"]


class Overflow(Enum):
    """What becomes of a message that finds the mailbox full."""

    BLOCK = "its sender waits until there is room"
    REFUSE = "its sender gets MailboxFull"
    DROP_OLDEST = "it takes the place of the oldest, which becomes a dead letter"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A limit, and what happens when it is reached.

    Attributes:
        limit: how many messages may wait, one or more; the runtime's own are not counted.
        overflow: `BLOCK`, `REFUSE` or `DROP_OLDEST`.

    Raises:
        ValueError: one of the two cannot be; the sentence names it.
    """

    limit: int
    overflow: Overflow = Overflow.BLOCK

    def __post_init__(self) -> None:
        limit: object = self.limit
        overflow: object = self.overflow
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            msg = f"limit: a whole number of messages, one or more, not {limit!r}"
            raise ValueError(msg)
        if not isinstance(overflow, Overflow):
            msg = f"overflow: BLOCK, REFUSE or DROP_OLDEST, not {overflow!r}"
            raise ValueError(msg)


def message_of(item: Any) -> Any:
    """Return what was sent: an ask is in an envelope, a tell is not."""
    return item.message if item.__class__ is Envelope else item


class _Place(Enum):
    INSIDE = "the message is in the mailbox"
    ENDED = "the actor has ended"


class _Waiting:
    """A message at the door; `answer` gets what has become of it, `target` decides."""

    __slots__ = ("answer", "item", "target")

    def __init__(self, item: Any, target: Ref) -> None:
        self.item = item
        self.target: Ref | None = target
        self.answer: queue.SimpleQueue[Any] = queue.SimpleQueue()


class BoundedInbox:
    """A queue with the methods of `queue.SimpleQueue` that actors use, and a limit.

    The readers' part waits on tokens, one for each message that is in, so that a message can be
    taken out from the middle. Every change is made under the lock, and shielded: a sender that is
    killed leaves it whole.
    """

    __slots__ = ("_count", "_items", "_lock", "_open", "_owner", "_tokens", "_waiting", "mailbox")

    def __init__(self, mailbox: Mailbox, owner: Ref) -> None:
        self.mailbox = mailbox
        self._owner = owner
        self._lock = threading.Lock()
        self._items: deque[Any] = deque()
        self._tokens: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._waiting: deque[_Waiting] = deque()
        self._count = 0
        self._open = True

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put `item` in, in the sender's thread; `block`: it may wait, `timeout` seconds at most.

        Raises:
            MailboxFull: it is full, and the item was refused.
            ActorDead: the actor has ended while the sender waited.
            CallTimeout: there was no room in time.
            CallCycle: the actor waits, directly or through others, for the one that sends.
        """
        with shield():
            waiting = self._enter(item, block=block)
        if waiting is not None:
            self._wait(waiting, timeout)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take the first item out, and let one in; as `SimpleQueue.get`.

        Raises:
            queue.Empty: there was none in time.
        """
        self._tokens.get(block, timeout)
        with self._lock:
            item = self._items.popleft()
            if _counts(item):
                self._count -= 1
                self._let_in()
        return item

    def get_nowait(self) -> Any:
        """Take the first item out, and let one in.

        Raises:
            queue.Empty: there is none.
        """
        return self.get(block=False)

    def empty(self) -> bool:
        """Return whether nothing is in it."""
        return not self._items

    def qsize(self) -> int:
        """Return how many messages are in it, the runtime's own among them."""
        return len(self._items)

    def close(self) -> None:
        """The actor has ended: send those who wait away, and let in whatever comes from now on.

        It is taken out again by whoever put it, as with any mailbox of an actor that has ended.
        """
        with self._lock:
            self._open = False
            waiting, self._waiting = self._waiting, deque()
        for one in waiting:
            one.target = None
            one.answer.put(_Place.ENDED)

    def _enter(self, item: Any, *, block: bool) -> _Waiting | None:
        dropped = None
        with self._lock:
            if not self._open or not _counts(item):
                self._append(item)
            elif self._count < self.mailbox.limit:
                self._count += 1
                self._append(item)
            elif self.mailbox.overflow is Overflow.DROP_OLDEST:
                dropped = self._swap_oldest(item)
            elif block and self.mailbox.overflow is Overflow.BLOCK:
                waiting = _Waiting(item, self._owner)
                self._waiting.append(waiting)
                return waiting
            else:
                raise MailboxFull(self._owner.label, self.mailbox.limit)
        if dropped is not None:
            self._owner.dropped(dropped, self.mailbox.limit)
        return None

    def _append(self, item: Any) -> None:
        self._items.append(item)
        self._tokens.put(None)

    def _swap_oldest(self, item: Any) -> Any:
        # No token: as many items are in it as before.
        oldest = next(index for index, one in enumerate(self._items) if _counts(one))
        dropped = self._items[oldest]
        del self._items[oldest]
        self._items.append(item)
        return dropped

    def _let_in(self) -> None:
        if self._waiting and self._open:
            first = self._waiting.popleft()
            self._count += 1
            self._append(first.item)
            first.target = None
            first.answer.put(_Place.INSIDE)

    def _wait(self, waiting: _Waiting, timeout: float | None) -> None:
        try:
            with waiting_for(waiting), blocking(wake=waiting.answer):
                place = _await(waiting.answer, timeout)
        except CallCycle:
            place = self._give_up(waiting)
            if place is None:
                raise
        except BaseException:  # a kill, or no thread for the one that would stand in
            self._withdraw(waiting)
            raise
        if place is None:
            place = self._give_up(waiting)
        if place is None:
            msg = f"no room in the mailbox of {self._owner.label} within {timeout:g} seconds"
            raise CallTimeout(msg)
        if place is _Place.ENDED:
            assert self._owner.exit_reason is not None
            raise ActorDead(self._owner.label, self._owner.exit_reason)

    def _give_up(self, waiting: _Waiting) -> _Place | None:
        return None if self._withdraw(waiting) else _await(waiting.answer, None)

    def _withdraw(self, waiting: _Waiting) -> bool:
        with shield(), self._lock:
            if waiting not in self._waiting:
                return False
            self._waiting.remove(waiting)
            return True


def _counts(item: Any) -> bool:
    return not isinstance(message_of(item), (RuntimeMessage, StopRequest))


def _await(answer: queue.SimpleQueue[Any], timeout: float | None) -> _Place | None:
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            place: _Place | None = answer.get(timeout=left)
        except queue.Empty:
            return None
        if place is not None:
            return place
