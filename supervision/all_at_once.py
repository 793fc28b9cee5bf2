"""Starting and stopping children all at once: what a supervisor without an order among them does.

It waits for none of them: it notes when each start or stop is due, and goes on. When it ends itself
it asks all of them to stop, and waits until the last one has.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from random import random
from typing import Any

from supervision._pykka import Envelope
from supervision.children import ChildState, LastCrash
from supervision.clock import SYSTEM_CLOCK, Clock
from supervision.dynamic_children import DynamicChild, DynamicChildren
from supervision.errors import ActorDead, CallTimeout
from supervision.execution import shield
from supervision.messages import Exited, Started
from supervision.monitors import Down
from supervision.reasons import Crashed, ExitReason
from supervision.ref import Ref
from supervision.shutdown import KILL_GRACE, Stopping
from supervision.specs import ChildSpec, SupervisorFlags
from supervision.starting import Failed, Ignored, Launched, Outcome, launch
from supervision.supervisor_base import SupervisorBase
from supervision.terms import BRUTAL_KILL, ShutdownTime
from supervision.to_self import ClockTurned, StartAgain

__all__ = ["AllAtOnce"]


class AllAtOnce(SupervisorBase):
    """A supervisor whose children end independently of each other."""

    def __init__(
        self,
        flags: SupervisorFlags,
        *,
        clock: Clock = SYSTEM_CLOCK,
        kill_grace: float = KILL_GRACE,
        draw: Callable[[], float] = random,
    ) -> None:
        super().__init__(flags, clock=clock, kill_grace=kill_grace, draw=draw)
        self._children = DynamicChildren()

    @abstractmethod
    def _child_ended(self, ref: Ref, reason: ExitReason) -> None:
        """Do what the end of this child means."""

    # -- starting ----------------------------------------------------------------------------------

    def _launch_first(self, spec: ChildSpec) -> tuple[Outcome, DynamicChild | None]:
        with shield():  # a kill must not come between an actor's start and its record
            outcome = self._launch(spec)
            if not isinstance(outcome, Launched):
                return outcome, None
            child = self._children.add(spec, outcome.ref)
        self._launched(child, spec, outcome)
        return outcome, child

    def _launch(self, spec: ChildSpec) -> Launched | Ignored | Failed:
        # Nobody waits for the others: what they are is to be seen from their refs.
        tells_start = spec.await_start or spec.backoff is not None
        return launch(spec, self.actor_ref, self._children.of, tells_start=tells_start)

    def _launched(self, child: DynamicChild, spec: ChildSpec, launched: Launched) -> None:
        if launched.acknowledged:
            self._running(child)
        elif spec.start_timeout is not None and spec.await_start:
            at = self._clock.monotonic() + spec.start_timeout
            self._schedule.set(child, at)

    def _child_started(self, ref: Ref) -> None:
        child = self._children.of(ref)
        if child is None or child.state is not ChildState.STARTING or child.stopping is not None:
            return
        self._schedule.clear(child)
        self._running(child)
        reply, child.start_reply = child.start_reply, None
        if reply is not None:
            reply.set(ref)

    def _running(self, child: DynamicChild) -> None:
        self._children.running(child)
        self._schedule.note_running(child)

    def _start_timed_out(self, child: DynamicChild) -> None:
        msg = f"child {child.id!r} did not start within its start_timeout"
        child.failure = Crashed(CallTimeout(msg))
        self._begin_stop(child, BRUTAL_KILL)

    # -- stopping ----------------------------------------------------------------------------------

    def _begin_stop(
        self, child: DynamicChild, shutdown: ShutdownTime, *, since: float | None = None
    ) -> None:
        self._schedule.clear(child)
        now = self._clock.monotonic() if since is None else since
        child.stopping = Stopping(child.ref, shutdown, now=now, kill_grace=self._kill_grace)
        self._set_stop_deadline(child, child.stopping)

    def _stopped(self, child: DynamicChild, stopping: Stopping, reason: ExitReason) -> None:
        self._reporter.stopped(child.id, stopping, reason)
        self._children.remove(child)
        if child.start_reply is not None:
            child.start_reply.try_set_exception(ActorDead(stopping.ref.label, reason))
        for reply in child.stop_replies or ():
            reply.try_set(None)

    def _forget_waiting(self, child: DynamicChild) -> None:
        """Forget a child that waits for its restart."""
        self._schedule.clear(child)
        self._children.remove(child)

    def _set_stop_deadline(self, child: DynamicChild, stopping: Stopping) -> None:
        if stopping.deadline is not None:
            self._schedule.set(child, stopping.deadline)

    def _due(self, child: DynamicChild, now: float) -> None:
        stopping = child.stopping
        if not child.active:
            self.actor_ref.signal(StartAgain(child))
            return
        if stopping is None:
            self._start_timed_out(child)
            return
        stopping.expire(now)
        self._set_stop_deadline(child, stopping)
        reason = stopping.abandoned_reason()
        if reason is not None:
            self._child_ended(stopping.ref, reason)

    # -- stopping all ------------------------------------------------------------------------------

    def _start_children(self) -> None:
        """There are none yet."""

    def _stop_children(self) -> None:
        for child in list(self._children):
            if child.active and child.stopping is None:
                self._begin_stop(child, child.spec.shutdown_time)
        self._await_ends()

    def _kill_children(self, now: float) -> None:
        for child in list(self._children):
            if child.active:
                self._begin_stop(child, BRUTAL_KILL, since=now)
        self._await_ends()

    def _await_ends(self) -> None:
        """Wait until no child is left; what others have sent waits for this actor's end."""
        for child in list(self._children):
            child.failure = None  # none is started again
            if not child.active:
                self._forget_waiting(child)
        put_back = []
        while len(self._children):
            item = self._next_or_deadline()
            message = item.message if item.__class__ is Envelope else item
            if isinstance(message, Exited | Down):
                self._child_ended_while_stopping(message.ref, message.reason)
            elif message.__class__ is not ClockTurned and not isinstance(message, Started):
                put_back.append(item)
            self._look_at_schedule()
        for item in put_back:
            self.actor_ref.signal(item)

    def _next_or_deadline(self) -> Any:
        try:
            timeout = self._schedule.seconds_to_next()
            return self.receive(_anything, timeout=timeout, system=True)
        except CallTimeout:
            return ClockTurned()

    def _child_ended_while_stopping(self, ref: Ref, reason: ExitReason) -> None:
        child = self._children.of(ref)
        if child is not None:
            self._schedule.clear(child)
            assert child.stopping is not None
            self._stopped(child, child.stopping, reason)

    def history_of(self, ref: Ref) -> tuple[int, LastCrash | None]:
        """Return how often the child was restarted, and its last crash; from any thread."""
        child = self._children.of(ref)
        return (0, None) if child is None else (child.restarts, child.last_crash)

    def _active_refs(self) -> Iterable[Ref]:
        return [child.ref for child in list(self._children) if child.active]


def _anything(message: object) -> bool:
    del message
    return True
