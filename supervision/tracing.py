"""What one actor receives, sends and answers, told to a handler as it happens.

Source of the idea: `sys:trace <https://www.erlang.org/doc/apps/stdlib/sys>`_. Where nobody traces,
a message costs one test of an empty table when it is sent, and nothing when it is received.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog

from supervision._pykka import Envelope
from supervision.execution import current_ref, shield
from supervision.future import Future
from supervision.messages import ATTEND, Control
from supervision.monitors import Down, monitor

if TYPE_CHECKING:
    from supervision.ref import Ref

__all__ = ["Trace", "TraceEvent", "TraceKind", "log_trace", "note_in", "note_out", "senders"]


class TraceKind(Enum):
    """What an actor that is traced has done."""

    IN = "in"
    OUT = "out"
    REPLY = "reply"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """One thing that an actor has done.

    Attributes:
        kind: it has taken `message` from its mailbox; sent `message` to `other`; been answered for
            (`message` is the value or the exception); or ended (`message` is the exit reason).
        ref: the actor that is traced.
        message: see `kind`.
        other: the receiver of what is sent, else `None`.
        at: when.
    """

    kind: TraceKind
    ref: Ref
    message: Any
    other: Ref | None
    at: datetime


Handler: TypeAlias = Callable[[TraceEvent], object]

senders: dict[Ref, None] = {}
"""The actors that are traced; looked at by each send."""

_lock = threading.Lock()
_handling = threading.local()


class Trace:
    """One handler on one actor, from its making until `end`, or until the actor has ended."""

    __slots__ = ("_handler", "_on", "_ref", "_watch")

    def __init__(self, ref: Ref, handler: Handler) -> None:
        self._ref = ref
        self._handler = handler
        self._on = True
        with shield(), _lock:
            ref.traces = (*ref.traces, self)
            senders[ref] = None
            ref.attention = True
        ref.signal(ATTEND)  # who sleeps on its mailbox sees the flag before the next message
        self._watch = monitor(ref, self._ended)

    def end(self) -> None:
        """Tell the handler nothing more; from any thread."""
        self._leave()
        self._watch.cancel()

    def tell(self, kind: TraceKind, message: Any, other: Ref | None = None) -> None:
        """Call the handler, in this thread. One that raises is not called again."""
        if not self._on or getattr(_handling, "now", False):
            return  # what a handler itself sends is not traced
        _handling.now = True
        try:
            self._handler(TraceEvent(kind, self._ref, message, other, datetime.now(UTC)))
        except Exception:  # noqa: BLE001 - it must not harm what it looks at
            self._leave()
            structlog.get_logger().exception("trace.handler_failed", actor=self._ref.label)
        finally:
            _handling.now = False

    def answered(self, future: Future[Any]) -> None:
        """A message that the actor took has been answered, by whomever."""
        exception = future.exception()
        self.tell(TraceKind.REPLY, future.get() if exception is None else exception)

    def _ended(self, down: Down) -> None:
        self.tell(TraceKind.EXIT, down.reason)
        self._leave()

    def _leave(self) -> None:
        self._on = False
        ref = self._ref
        with shield(), _lock:
            ref.traces = tuple(one for one in ref.traces if one is not self)
            if not ref.traces:
                senders.pop(ref, None)


def note_in(ref: Ref, item: Any) -> None:
    """`ref` has taken `item` from its mailbox; called by its loop, in its thread."""
    message, reply_to = item, None
    if item.__class__ is Envelope:
        message, reply_to = item.message, item.reply_to
    if isinstance(message, Control):
        return
    for trace in ref.traces:
        trace.tell(TraceKind.IN, message)
        if isinstance(reply_to, Future):
            reply_to.add_done_callback(trace.answered)


def note_out(target: Ref, item: Any) -> None:
    """Somebody sends `item` to `target`, and somebody is traced; called by the sender."""
    sender = current_ref()
    if sender is None or sender not in senders:
        return
    message = item.message if item.__class__ is Envelope else item
    if isinstance(message, Control):
        return
    for trace in sender.traces:
        trace.tell(TraceKind.OUT, message, target)


def log_trace(event: TraceEvent) -> None:
    """Log the event through structlog; the handler where none is given."""
    structlog.get_logger().info(
        "actor.trace",
        actor=event.ref.label,
        kind=event.kind.value,
        message=repr(event.message),
        other=None if event.other is None else event.other.label,
        at=event.at.isoformat(),
    )
