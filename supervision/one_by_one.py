"""Starting and stopping children one at a time: what a supervisor with an order among them does.

It waits for each start and each stop before it goes on with the next, and breaks a start off when
it is asked to stop itself. What else is in its mailbox waits meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import random
from typing import TYPE_CHECKING

from supervision.children import Child, Children, LastCrash
from supervision.clock import SYSTEM_CLOCK, Clock
from supervision.errors import CallTimeout
from supervision.execution import shield
from supervision.messages import Exited, Started
from supervision.monitors import Down
from supervision.reasons import Crashed, ExitReason
from supervision.ref import Ref
from supervision.shutdown import KILL_GRACE, Stopping
from supervision.specs import ChildSpec, SupervisorFlags, check_children
from supervision.starting import Aborted, Failed, Ignored, Launched, Outcome, declined, launch
from supervision.supervisor_base import SupervisorBase
from supervision.terms import BRUTAL_KILL, ShutdownTime
from supervision.to_self import StartAgain

if TYPE_CHECKING:
    from supervision.actor import Actor

__all__ = ["OneByOne"]

_ENDS = (Exited, Down)


class OneByOne(SupervisorBase):
    """A supervisor whose children are started in order and stopped in reverse."""

    def __init__(
        self,
        children: Sequence[ChildSpec | type[Actor]],
        flags: SupervisorFlags,
        *,
        clock: Clock = SYSTEM_CLOCK,
        kill_grace: float = KILL_GRACE,
        draw: Callable[[], float] = random,
    ) -> None:
        super().__init__(flags, clock=clock, kill_grace=kill_grace, draw=draw)
        self._specs = check_children(children, flags.auto_shutdown)
        self._children = Children()

    def _start_children(self) -> None:
        for spec in self._specs:
            child = self._children.add(spec)
            outcome = self._start(child)
            if isinstance(outcome, Failed):
                self._children.remove(child)
                decision = "stop those already started and fail the start"
                self._reporter.start_failed(spec.id, outcome.reason, decision)
                raise outcome.error(spec)
            if self._stop_seen is not None:
                return
        self._specs = []

    def _stop_children(self) -> None:
        for child in self._children.in_reverse():
            self._stop_one(child)

    def _kill_children(self, now: float) -> None:
        for child in self._children.in_reverse():
            self._end(child, BRUTAL_KILL, since=now)

    def _start(self, child: Child) -> Outcome:
        self._schedule.clear(child)
        with shield():  # a kill must not come between an actor's start and its record
            launched = launch(child.spec, self.actor_ref, self._children.of)
            if isinstance(launched, Launched):
                self._children.starting(child, launched.ref)
        if not isinstance(launched, Launched):
            self._children.stopped(child)
            return launched
        if launched.acknowledged:
            self._running(child)
        elif child.spec.await_start:
            return self._await_started(child, launched)
        return launched

    def _await_started(self, child: Child, launched: Launched) -> Outcome:
        timeout = child.spec.start_timeout
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        message = self._wait_for_child(launched.ref, (Started, *_ENDS), deadline)
        if isinstance(message, Started):
            self._running(child)
            return launched
        if message is not None:
            self._children.stopped(child)
            return Ignored() if declined(message.reason) else Failed(message.reason)
        if self._stop_seen is not None:
            return Aborted()
        self._end(child, BRUTAL_KILL)
        error = CallTimeout(f"child {child.spec.id!r} did not start within {timeout:g} seconds")
        return Failed(Crashed(error))

    def _running(self, child: Child) -> None:
        self._children.running(child)
        self._schedule.note_running(child)

    def _due(self, child: Child, now: float) -> None:
        del now
        child.retry = StartAgain(child)
        self.actor_ref.signal(child.retry)

    def _stop_one(self, child: Child) -> None:
        self._end(child, child.spec.shutdown_time)

    def _end(self, child: Child, shutdown: ShutdownTime, *, since: float | None = None) -> None:
        """Stop the child's actor, if it has one, and mark the child as stopped."""
        self._schedule.clear(child)
        ref = child.ref
        if ref is not None:
            now = self._clock.monotonic() if since is None else since
            stopping = Stopping(ref, shutdown, now=now, kill_grace=self._kill_grace)
            reason = self._await_end(stopping)
            self._reporter.stopped(child.spec.id, stopping, reason)
        self._children.stopped(child)

    def _await_end(self, stopping: Stopping) -> ExitReason:
        while True:
            message = self._wait_for_child(stopping.ref, _ENDS, stopping.deadline)
            if message is not None:
                assert not isinstance(message, Started)
                return message.reason
            now = self._clock.monotonic()
            if stopping.deadline is not None and now >= stopping.deadline:
                stopping.expire(now)
            reason = stopping.abandoned_reason()
            if reason is not None:
                return reason

    def history_of(self, ref: Ref) -> tuple[int, LastCrash | None]:
        """Return how often the child was restarted, and its last crash; from any thread."""
        child = self._children.of(ref)
        return (0, None) if child is None else (child.restarts, child.last_crash)

    def _active_refs(self) -> Iterable[Ref]:
        return [child.ref for child in self._children if child.ref is not None]
