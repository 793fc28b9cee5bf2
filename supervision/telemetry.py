"""What can be seen from outside as it happens: named events with fields, told to handlers.

After Erlang's `telemetry <https://hexdocs.pm/telemetry>`_. Each event is declared here with its
fields. Nothing is computed where nobody has attached.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from supervision.reasons import Crashed

__all__ = [
    "ACTOR_CRASHED",
    "ACTOR_ENDED",
    "ACTOR_STARTED",
    "CHILD_ENDED",
    "DEAD_LETTER",
    "HANDLER_DETACHED",
    "SUPERVISOR_GAVE_UP",
    "THREAD_ABANDONED",
    "DeadLetters",
    "attach",
    "dead_letters",
    "emit",
]

ACTOR_STARTED = "actor.started"  # ref
ACTOR_ENDED = "actor.ended"  # ref, reason
ACTOR_CRASHED = "actor.crashed"  # ref, reason; only for one without a supervisor
CHILD_ENDED = "supervisor.child_ended"  # supervisor, child_id, ref, reason, decision
SUPERVISOR_GAVE_UP = "supervisor.gave_up"  # supervisor, child_id, max_restarts, max_seconds
DEAD_LETTER = "actor.dead_letter"  # ref, message
THREAD_ABANDONED = "actor.thread_abandoned"  # ref, thread
HANDLER_DETACHED = "telemetry.handler_detached"  # handler, event, exception

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


def emit(event: str, **fields: Any) -> None:
    """Tell every handler of `event`."""
    for handler in _handlers:
        try:
            handler(event, fields)
        except Exception:  # noqa: BLE001 - it must not harm what it looks at
            _detach_faulty(handler, event)


def attached() -> bool:
    """Return whether anybody listens; for places where building the fields costs something."""
    return bool(_handlers)


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


def _detach_faulty(handler: Handler, event: str) -> None:
    global _handlers  # noqa: PLW0603
    with _lock:
        _handlers = tuple(one for one in _handlers if one is not handler)
    structlog.get_logger().exception(HANDLER_DETACHED, handler=repr(handler), during=event)


class DeadLetters:
    """Counts messages that reached an actor which had ended, and logs each kind once a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    @property
    def count(self) -> int:
        """How many since the program began."""
        return self._count

    def record(self, ref: object, message: object) -> None:
        """Count `message`, which `ref` will never handle, and log it."""
        with self._lock:
            self._count += 1
        structlog.get_logger().info(
            DEAD_LETTER, actor=str(ref), message=type(message).__name__, total=self._count
        )
        emit(DEAD_LETTER, ref=ref, message=message)


dead_letters = DeadLetters()
