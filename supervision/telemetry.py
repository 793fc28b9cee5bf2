"""What can be seen from outside as it happens: named events with fields, told to handlers; counts.

After Erlang's `telemetry <https://hexdocs.pm/telemetry>`_. Each event is declared with its fields
before it is used, here or beside the code that emits it; `EVENTS` has them all. Where nobody has
attached, nothing is computed.

Example:
    >>> from supervision import telemetry
    >>> detach = telemetry.attach(telemetry.log_event)  # everything, through structlog
    >>> detach()
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from supervision.executor import abandoned_threads
from supervision.reasons import Crashed
from supervision.work import messages_handled

__all__ = [
    "ACTOR_CRASHED",
    "ACTOR_ENDED",
    "ACTOR_RESUMED",
    "ACTOR_STARTED",
    "ACTOR_SUSPENDED",
    "CHILD_ENDED",
    "DEAD_LETTER",
    "EVENTS",
    "EXIT_SIGNAL",
    "HANDLER_DETACHED",
    "POOL_SHORT",
    "RESTART_DELAYED",
    "SUPERVISOR_GAVE_UP",
    "THREAD_ABANDONED",
    "Counter",
    "Counts",
    "Event",
    "attach",
    "counts",
    "emit",
    "log_event",
    "restarts",
]

EVENTS: dict[str, Event] = {}
"""Every event that was declared, by its name."""


class Event(str):
    """The name of an event, which says when it happens and what each of its fields is."""

    when: str
    fields: Mapping[str, str]

    def __new__(cls, name: str, when: str, **fields: str) -> Event:
        """Declare the event.

        Raises:
            ValueError: there is one of this name already.
        """
        if name in EVENTS:
            msg = f"the event {name!r} is declared already: {EVENTS[name].when}"
            raise ValueError(msg)
        event = super().__new__(cls, name)
        event.when = when
        event.fields = fields
        EVENTS[name] = event
        return event


ACTOR_STARTED = Event("actor.started", "its `on_start` has succeeded", ref="the actor")
ACTOR_ENDED = Event("actor.ended", "its loop has ended", ref="the actor", reason="its `ExitReason`")
ACTOR_CRASHED = Event(
    "actor.crashed", "one without a supervisor has crashed", ref="the actor", reason="a `Crashed`"
)
ACTOR_SUSPENDED = Event("actor.suspended", "`suspend` has taken effect", ref="the actor")
ACTOR_RESUMED = Event("actor.resumed", "`resume` has taken effect", ref="the actor")
EXIT_SIGNAL = Event(
    "actor.exit_signal",
    "an exit signal ends an actor that does not trap exits",
    ref="the actor",
    sender="the actor that has ended or called `Ref.exit`, `None` if that was no actor",
    reason="the `ExitReason` that it ends with",
)
CHILD_ENDED = Event(
    "supervisor.child_ended",
    "a child has ended, or could not be started",
    supervisor="its supervisor",
    child_id="its id",
    ref="the actor that has ended, `None` if it could not be made",
    reason="its `ExitReason`; `Crashed` has the `context` that the actor gave",
    decision="what the supervisor does about it, in words",
)
RESTART_DELAYED = Event(
    "supervisor.restart_delayed",
    "a child waits for its backoff before it is started again",
    supervisor="its supervisor",
    child_id="its id",
    seconds="how long",
)
SUPERVISOR_GAVE_UP = Event(
    "supervisor.gave_up",
    "its restart intensity was exceeded",
    supervisor="the supervisor",
    child_id="the child whose restart would have been one too many",
    max_restarts="how many restarts it may do",
    max_seconds="in how many seconds",
)
DEAD_LETTER = Event(
    "actor.dead_letter",
    "a message will never be handled",
    ref="the ref or name that it was for",
    message="the message",
    why="an `Undelivered`",
)
THREAD_ABANDONED = Event(
    "actor.thread_abandoned",
    "an actor was declared ended while its thread still runs",
    ref="the actor",
    thread="the name of the thread",
)
POOL_SHORT = Event(
    "pool.short_of_threads",
    "a pool could not start a thread that it needs, and goes on with those that it has",
    pool="its name",
    workers="how many threads it has",
    exception="what the system said",
)
HANDLER_DETACHED = Event(
    "telemetry.handler_detached",
    "a handler has raised and is not called again",
    handler="the handler",
    event="the event that it was called with",
    exception="what it raised",
)

Handler = Callable[[str, Mapping[str, Any]], None]

_lock = threading.Lock()
_handlers: tuple[Handler, ...] = ()


def attach(handler: Handler) -> Callable[[], None]:
    """Call `handler(event, fields)` for each event, in the thread in which it happens.

    A handler that raises is detached and the fact is logged. Returns a function that detaches it.
    """
    global _handlers  # noqa: PLW0603 - replaced whole, so that emit reads it without a lock
    with _lock:
        _handlers = (*_handlers, handler)

    def detach() -> None:
        global _handlers  # noqa: PLW0603
        with _lock:
            _handlers = tuple(one for one in _handlers if one is not handler)

    return detach


def emit(event: str, /, **fields: Any) -> None:
    """Tell every handler of `event`."""
    for handler in _handlers:
        try:
            handler(event, fields)
        except Exception as exception:  # noqa: BLE001 - it must not harm what it looks at
            _detach_faulty(handler, event, exception)


def log_crash(ref: object, reason: Crashed) -> None:
    """Log the crash of an actor that has no supervisor to log it."""
    exception = reason.exception
    structlog.get_logger().error(
        ACTOR_CRASHED,
        actor=str(getattr(ref, "label", ref)),
        reason=str(reason),
        decision="none: it has no supervisor",
        exc_info=(type(exception), exception, exception.__traceback__),
    )
    emit(ACTOR_CRASHED, ref=ref, reason=reason)


def log_faulty_callback(callback: object) -> None:
    """Log the exception being handled, which a future's callback raised."""
    structlog.get_logger().exception("future.callback_failed", callback=repr(callback))


def log_pool_short(pool: str, workers: int, exception: BaseException) -> None:
    """Log that a pool could not start a thread that it needs, and goes on without it."""
    structlog.get_logger().error(POOL_SHORT, pool=pool, workers=workers, reason=str(exception))
    emit(POOL_SHORT, pool=pool, workers=workers, exception=exception)


def log_failed_end(ref: object, step: Callable[..., object]) -> None:
    """Log the exception being handled, which somebody's code raised while an actor ended.

    An end must be whole also where the log cannot be written; that is told as `logging` tells it.
    """
    label = str(getattr(ref, "label", ref))
    try:
        structlog.get_logger().exception(
            "actor.end_disturbed",
            actor=label,
            step=getattr(step, "__qualname__", repr(step)),
        )
    except Exception as unwritten:  # noqa: BLE001 - whatever the program logs with raises
        with suppress(OSError, ValueError):  # if that is closed too, nobody can be told
            unwritten.add_note(f"the end of {label} was disturbed")
            traceback.print_exception(unwritten)


def log_event(event: str, fields: Mapping[str, Any]) -> None:
    """Log the event through structlog, at level debug; a handler for `attach`."""
    told = {name: _plain(value) for name, value in fields.items()}
    if "event" in told:  # which is what structlog calls the name
        told["during"] = told.pop("event")
    structlog.get_logger().debug(event, **told)


def _plain(value: Any) -> Any:
    label = getattr(value, "label", None)
    if isinstance(label, str):
        return label
    return value if isinstance(value, str | int | float | None) else str(value)


def _detach_faulty(handler: Handler, event: str, exception: Exception) -> None:
    global _handlers  # noqa: PLW0603
    with _lock:
        _handlers = tuple(one for one in _handlers if one is not handler)
    structlog.get_logger().exception(HANDLER_DETACHED, handler=repr(handler), during=event)
    emit(HANDLER_DETACHED, handler=handler, event=event, exception=exception)


class Counter:
    """A number that only grows, counted by any thread."""

    __slots__ = ("_count", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def add(self) -> int:
        """Count one more and return how many there are now."""
        with self._lock:
            self._count += 1
            return self._count

    @property
    def count(self) -> int:
        """How many since the program began."""
        return self._count


restarts = Counter()
"""Counts each restart of a child by its supervisor, the attempts that failed included."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What all actors of this program together have done since it began.

    Attributes:
        messages: messages handled.
        restarts: children restarted by their supervisors.
        dead_letters: messages that nobody will handle.
        abandoned_threads: threads that were given up and still run.
    """

    messages: int
    restarts: int
    dead_letters: int
    abandoned_threads: int


def counts() -> Counts:
    """Return the counts; from any thread, without asking an actor."""
    from supervision.undelivered import dead_letters  # which tells of them through this module

    return Counts(messages_handled(), restarts.count, dead_letters.count, len(abandoned_threads()))
