"""What supervisors say: one log event for each crash, with what was decided about it.

The fields are always the same, in the same order: `supervisor`, `child`, `reason`, `decision`, then
what else there is; the traceback is given as structlog's `exc_info`, and what the actor was at
follows as it says itself (`Actor.crash_context`). When all is well nothing is logged. The same
facts go to telemetry (see `supervision.telemetry`), the quiet ones, too.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supervision import telemetry
from supervision.decisions import Decision
from supervision.reasons import Crashed, ExitReason, Killed

if TYPE_CHECKING:
    from supervision.ref import Ref
    from supervision.shutdown import Stopping
    from supervision.specs import ChildSpec, SupervisorFlags

__all__ = ["AutomaticShutdown", "GaveUp", "Reporter"]

CHILD_CRASHED = "supervisor.child_crashed"
CHILD_ENDED = "supervisor.child_ended"
START_FAILED = "supervisor.start_failed"
STOP_FAILED = "supervisor.stop_failed"
RESTART_DELAYED = "supervisor.restart_delayed"
GAVE_UP = "supervisor.gave_up"
AUTO_SHUTDOWN = "supervisor.auto_shutdown"
UNEXPECTED_MESSAGE = "supervisor.unexpected_message"

_OURS = {"event", "supervisor", "child", "reason", "decision", "exc_info"}


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The detail of the `Shutdown` of a supervisor whose restart intensity was exceeded."""

    child_id: Hashable
    max_restarts: int
    max_seconds: float
    reason: ExitReason

    def __str__(self) -> str:
        last = child_text(self.child_id)
        return (
            f"reached max restart intensity: more than {self.max_restarts} restarts in "
            f"{self.max_seconds:g} s, the last of child {last!r} ({self.reason})"
        )


@dataclass(frozen=True, slots=True)
class AutomaticShutdown:
    """The detail of the `Shutdown` of a supervisor whose significant children have ended."""

    child_id: Hashable

    def __str__(self) -> str:
        return f"significant child {child_text(self.child_id)!r} has ended"


class Reporter:
    """Reports for one supervisor, to a structlog logger and to telemetry; in its thread."""

    __slots__ = ("_log", "_supervisor")

    def __init__(self, supervisor: Ref, log: Any) -> None:
        self._supervisor = supervisor
        self._log = log

    def child_ended(
        self,
        spec: ChildSpec,
        child_id: Hashable,
        ref: Ref | None,
        reason: ExitReason,
        decision: Decision,
    ) -> None:
        """A child has ended by itself, and this was decided."""
        self._emit(child_id, ref, reason, decision.value)
        if reason.abnormal:
            self._say("error", CHILD_CRASHED, child_id, reason, decision.value)
        elif decision in (Decision.RESTART, Decision.GIVE_UP):
            self._say(
                "warning", CHILD_ENDED, child_id, reason, decision.value, restart=spec.restart.value
            )

    def start_failed(self, child_id: Hashable, reason: ExitReason, decision: str) -> None:
        """A child could not be started."""
        self._emit(child_id, None, reason, decision)
        self._say("error", START_FAILED, child_id, reason, decision)

    def restarts_later(self, child_id: Hashable, delay: float) -> None:
        """A child waits for its backoff before it is started again."""
        telemetry.emit(
            telemetry.RESTART_DELAYED, supervisor=self._supervisor, child_id=child_id, seconds=delay
        )
        self._log.info(
            RESTART_DELAYED,
            supervisor=self._supervisor.label,
            child=child_text(child_id),
            seconds=round(delay, 3),
        )

    def stopped(self, child_id: Hashable, stopping: Stopping, reason: ExitReason) -> None:
        """A child has ended because its supervisor stopped it; said only if it was not clean."""
        self._emit(child_id, stopping.ref, reason, "none: it was being stopped")
        if reason.abnormal and not (stopping.brutal and isinstance(reason, Killed)):
            self._say(
                "error",
                STOP_FAILED,
                child_id,
                reason,
                "none: it was being stopped",
                went_as_far_as=stopping.phase.value,
            )

    def gave_up(self, child_id: Hashable, flags: SupervisorFlags, reason: ExitReason) -> GaveUp:
        """The restart intensity is exceeded. Returns the detail of the supervisor's exit reason."""
        detail = GaveUp(child_id, flags.max_restarts, flags.max_seconds, reason)
        telemetry.emit(
            telemetry.SUPERVISOR_GAVE_UP,
            supervisor=self._supervisor,
            child_id=child_id,
            max_restarts=flags.max_restarts,
            max_seconds=flags.max_seconds,
        )
        self._log.error(
            GAVE_UP,
            supervisor=self._supervisor.label,
            child=child_text(child_id),
            reason=str(reason),
            decision="stop all children and end with shutdown",
            max_restarts=flags.max_restarts,
            max_seconds=flags.max_seconds,
        )
        return detail

    def auto_shutdown(self, child_id: Hashable) -> AutomaticShutdown:
        """A significant child has ended. Returns the detail of the supervisor's exit reason."""
        self._log.info(AUTO_SHUTDOWN, supervisor=self._supervisor.label, child=child_text(child_id))
        return AutomaticShutdown(child_id)

    def unexpected(self, message: object) -> None:
        """Somebody sent a supervisor something that it does not know."""
        self._log.warning(
            UNEXPECTED_MESSAGE,
            supervisor=self._supervisor.label,
            message=type(message).__name__,
        )

    def _say(
        self,
        level: str,
        event: str,
        child_id: Hashable,
        reason: ExitReason,
        decision: str,
        **more: Any,
    ) -> None:
        if isinstance(reason, Crashed):
            exception = reason.exception
            more["exc_info"] = (type(exception), exception, exception.__traceback__)
            more |= {name: value for name, value in reason.context.items() if name not in _OURS}
        getattr(self._log, level)(
            event,
            supervisor=self._supervisor.label,
            child=child_text(child_id),
            reason=str(reason),
            decision=decision,
            **more,
        )

    def _emit(self, child_id: Hashable, ref: Ref | None, reason: ExitReason, decision: str) -> None:
        telemetry.emit(
            telemetry.CHILD_ENDED,
            supervisor=self._supervisor,
            child_id=child_id,
            ref=ref,
            reason=reason,
            decision=decision,
        )


def child_text(child_id: Hashable) -> str:
    """A child's id as a person reads it: a class by its name, `("account", "a-1")` by its parts."""
    if isinstance(child_id, tuple):
        return "/".join(map(child_text, child_id))
    return child_id.__name__ if isinstance(child_id, type) else str(child_id)
