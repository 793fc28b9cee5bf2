"""The dynamic supervisor: any number of children, started on demand, each on its own.

Source of the idea: Elixir's `DynamicSupervisor <https://hexdocs.pm/elixir/DynamicSupervisor.html>`_
and its reference implementation.

Unlike the static one it never waits for a child: it notes what is due, and goes on with the next
message. A slow start or stop of one child delays nobody else, and each start, stop and crash costs
the same however many children there are. When it stops itself, its children stop in parallel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from supervision import telemetry
from supervision._pykka import Envelope
from supervision.administration import (
    CountChildren,
    DeleteChild,
    GetChildSpec,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from supervision.children import ChildState, LastCrash
from supervision.clock import SYSTEM_CLOCK, Clock
from supervision.decisions import Decision, after_exit, auto_shuts_down
from supervision.dynamic_children import DynamicChild, DynamicChildren
from supervision.errors import (
    ActorDead,
    CallTimeout,
    ChildNotFound,
    InvalidSupervisorFlags,
    MaxChildren,
    NotSupported,
)
from supervision.execution import shield
from supervision.messages import Exited, Started
from supervision.monitors import Down
from supervision.reasons import Crashed, ExitReason, Shutdown
from supervision.ref import Ref
from supervision.shutdown import KILL_GRACE, Deadlines, Stopping
from supervision.specs import ChildSpec, Start, SupervisorFlags, check_significant
from supervision.starting import Failed, Ignored, Launched, Outcome, declined, launch
from supervision.supervisor_base import ClockTurned, SupervisorBase, ToSelf
from supervision.terms import BRUTAL_KILL, INFINITY, ONE_FOR_ONE, ShutdownTime

__all__ = ["DynamicSupervisor"]


@dataclass(frozen=True, slots=True, eq=False)
class RetryRestart(ToSelf):
    """To self: the restart of this child has failed; try again."""

    child: DynamicChild


class DynamicSupervisor(SupervisorBase):
    """Starts children on demand; `one_for_one`, and without an order among them.

    `start_child(supervisor, spec)` answers with the child's ref, by which it is named from then on;
    ids may repeat. A spec with `await_start=False` is answered as soon as the actor is made.

    Example:
        >>> from supervision import Actor, DynamicSupervisor, child_spec, start_child
        >>> root = DynamicSupervisor.start()
        >>> ref = start_child(root, child_spec(Actor, restart=TEMPORARY))
        >>> ref.is_alive()
        True
        >>> root.stop()
        True
    """

    def __init__(
        self,
        flags: SupervisorFlags = SupervisorFlags(),  # noqa: B008 - frozen
        *,
        max_children: float = INFINITY,
        extra_args: Sequence[Any] = (),
        clock: Clock = SYSTEM_CLOCK,
        kill_grace: float = KILL_GRACE,
    ) -> None:
        """Check the options; runs in the starter's thread.

        Args:
            flags: restart intensity and auto_shutdown; the strategy is `ONE_FOR_ONE`.
            max_children: how many children there may be, those between two restarts included.
            extra_args: what every child's `__init__` gets before the arguments of its own spec.
            clock: what restart intensity and shutdown times are measured by.
            kill_grace: seconds between the kill of a child and its abandonment.

        Raises:
            InvalidSupervisorFlags: another strategy, or a `max_children` that cannot be.
        """
        super().__init__(flags, clock=clock, kill_grace=kill_grace)
        _check_dynamic(flags, max_children)
        self._max_children = max_children
        self._extra_args = tuple(extra_args)
        self._children = DynamicChildren()
        self._deadlines = Deadlines()

    # -- messages ----------------------------------------------------------------------------------

    def _handle(self, message: Any) -> Any:
        try:
            return self._dispatch(message)
        finally:
            self._look_at_deadlines()

    def _dispatch(self, message: Any) -> Any:
        match message:
            case Exited() | Down():
                self._child_ended(message.ref, message.reason)
            case Started():
                self._child_started(message.ref)
            case StartChild(spec):
                return self._start_child(spec)
            case TerminateChild(child):
                return self._terminate_child(child)
            case RetryRestart():
                self._retry(message)
            case ClockTurned():
                pass
            case _:
                return self._answer(message)
        return None

    def _answer(self, message: Any) -> Any:
        match message:
            case WhichChildren(limit):
                return self._children.infos(limit)
            case CountChildren():
                return self._children.counts()
            case GetChildSpec(child):
                return self._find(child).spec
            case RestartChild() | DeleteChild():
                msg = (
                    f"{type(message).__name__}: a dynamic supervisor keeps no stopped children; "
                    "start a new one"
                )
                raise NotSupported(msg)
            case _:
                self._reporter.unexpected(message)
                msg = f"a supervisor does not know the message {type(message).__name__}"
                raise NotSupported(msg)

    def on_timeout(self) -> None:
        """A deadline has come and no message before it; own thread."""
        self._look_at_deadlines()

    # -- administration ----------------------------------------------------------------------------

    def _start_child(self, spec: ChildSpec) -> Ref | None:
        check_significant(spec, self._flags.auto_shutdown)
        if len(self._children) >= self._max_children:
            raise MaxChildren(int(self._max_children))
        spec = self._with_extra_args(spec)
        outcome, child = self._launch_first(spec)
        if child is None:
            self._refuse_if_failed(spec, outcome)
            return None
        if child.state is ChildState.STARTING and spec.await_start:
            child.start_reply = self.defer_reply()
            return None
        return child.ref

    def _refuse_if_failed(self, spec: ChildSpec, outcome: Outcome) -> None:
        if isinstance(outcome, Failed):
            self._reporter.start_failed(spec.id, outcome.reason, "refuse: nothing is left behind")
            raise outcome.error(spec)

    def _terminate_child(self, ref: object) -> None:
        child = self._find(ref)
        if not child.active:
            self._children.remove(child)
            return
        child.stop_replies = [*(child.stop_replies or ()), self.defer_reply()]
        if child.stopping is None:
            self._begin_stop(child, child.spec.shutdown_time)

    def _find(self, ref: object) -> DynamicChild:
        if not isinstance(ref, Ref):
            msg = f"a dynamic supervisor's child is named by its ref, not by an id such as {ref!r}"
            raise NotSupported(msg)
        child = self._children.of(ref)
        if child is None:
            raise ChildNotFound(ref)
        return child

    def _with_extra_args(self, spec: ChildSpec) -> ChildSpec:
        start = spec.start
        if not self._extra_args or not isinstance(start, Start):
            return spec
        args = self._extra_args + start.args
        return replace(spec, start=Start(start.actor_class, args, start.kwargs))

    # -- starts ------------------------------------------------------------------------------------

    def _launch_first(self, spec: ChildSpec) -> tuple[Outcome, DynamicChild | None]:
        with shield():  # a kill must not come between an actor's start and its record
            outcome = launch(spec, self.actor_ref)
            if not isinstance(outcome, Launched):
                return outcome, None
            child = self._children.add(spec, outcome.ref)
        self._launched(child, spec, outcome)
        return outcome, child

    def _launched(self, child: DynamicChild, spec: ChildSpec, launched: Launched) -> None:
        if launched.acknowledged:
            self._children.running(child)
        elif spec.start_timeout is not None and spec.await_start:
            at = self._clock.monotonic() + spec.start_timeout
            child.deadline = self._deadlines.add(at, child)

    def _child_started(self, ref: Ref) -> None:
        child = self._children.of(ref)
        if child is None or child.state is not ChildState.STARTING or child.stopping is not None:
            return
        self._clear_deadline(child)
        self._children.running(child)
        reply, child.start_reply = child.start_reply, None
        if reply is not None:
            reply.set(ref)

    def _start_timed_out(self, child: DynamicChild) -> None:
        msg = f"child {child.id!r} did not start within its start_timeout"
        child.failure = Crashed(CallTimeout(msg))
        self._begin_stop(child, BRUTAL_KILL)

    # -- ends --------------------------------------------------------------------------------------

    def _child_ended(self, ref: Ref, reason: ExitReason) -> None:
        child = self._children.of(ref)
        if child is None:
            return
        self._clear_deadline(child)
        stopping, child.stopping = child.stopping, None
        failure, child.failure = child.failure, None
        if stopping is not None and failure is None:
            self._stopped(child, stopping, reason)
        elif child.start_reply is not None:
            self._first_start_failed(child, failure or reason)
        elif child.state is ChildState.STARTING and declined(reason):
            self._children.remove(child)
        else:
            self._ended_by_itself(child, failure or reason)

    def _stopped(self, child: DynamicChild, stopping: Stopping, reason: ExitReason) -> None:
        self._reporter.stopped(child.id, stopping, reason)
        self._children.remove(child)
        if child.start_reply is not None:
            child.start_reply.try_set_exception(ActorDead(stopping.ref.label, reason))
        for reply in child.stop_replies or ():
            reply.try_set(None)

    def _first_start_failed(self, child: DynamicChild, reason: ExitReason) -> None:
        self._children.remove(child)
        reply, child.start_reply = child.start_reply, None
        assert reply is not None
        if declined(reason):
            reply.try_set(None)
        else:
            self._reporter.start_failed(child.id, reason, "refuse: nothing is left behind")
            reply.try_set_exception(Failed(reason).error(child.spec))

    def _ended_by_itself(self, child: DynamicChild, reason: ExitReason) -> None:
        if reason.abnormal:
            child.last_crash = LastCrash(reason, self._clock.now())
        if after_exit(child.spec.restart, reason) is Decision.RESTART:
            self._restart(child, reason)
        else:
            self._let_go(child, reason)

    def _let_go(self, child: DynamicChild, reason: ExitReason) -> None:
        self._reporter.child_ended(child.spec, child.id, child.ref, reason, Decision.FORGET)
        self._children.remove(child)
        if auto_shuts_down(
            self._flags.auto_shutdown,
            significant=child.spec.significant,
            significant_left=self._children.significant_left(),
        ):
            self.exit(Shutdown(self._reporter.auto_shutdown(child.id)))

    # -- restarts ----------------------------------------------------------------------------------

    def _restart(self, child: DynamicChild, reason: ExitReason) -> None:
        within = self._intensity.add(self._clock.monotonic())
        decision = Decision.RESTART if within else Decision.GIVE_UP
        if child.active:  # else it is a retry: the failed start has been reported
            self._reporter.child_ended(child.spec, child.id, child.ref, reason, decision)
        if within:
            child.restarts += 1
            telemetry.restarts.add()
            self._start_again(child)
        else:
            self._children.remove(child)
            self.exit(Shutdown(self._reporter.gave_up(child.id, self._flags, reason)))

    def _start_again(self, child: DynamicChild) -> None:
        with shield():
            outcome = launch(child.spec, self.actor_ref)
            if isinstance(outcome, Launched):
                self._children.restarted(child, outcome.ref)
        if isinstance(outcome, Launched):
            self._launched(child, child.spec, outcome)
        elif isinstance(outcome, Ignored):
            self._children.remove(child)
        else:
            self._try_again(child, outcome.reason)

    def _try_again(self, child: DynamicChild, reason: ExitReason) -> None:
        self._reporter.start_failed(child.id, reason, "try again")
        child.last_crash = LastCrash(reason, self._clock.now())
        self._children.restarting(child)
        child.retry = RetryRestart(child)
        self.actor_ref.signal(child.retry)

    def _retry(self, retry: RetryRestart) -> None:
        child = retry.child
        if self._children.of(child.ref) is child and child.retry is retry and not child.active:
            assert child.last_crash is not None
            self._restart(child, child.last_crash.reason)

    # -- stops and deadlines -----------------------------------------------------------------------

    def _begin_stop(self, child: DynamicChild, shutdown: ShutdownTime) -> None:
        self._clear_deadline(child)
        now = self._clock.monotonic()
        child.stopping = Stopping(child.ref, shutdown, now=now, kill_grace=self._kill_grace)
        self._set_stop_deadline(child, child.stopping)

    def _set_stop_deadline(self, child: DynamicChild, stopping: Stopping) -> None:
        if stopping.deadline is not None:
            child.deadline = self._deadlines.add(stopping.deadline, child)

    def _clear_deadline(self, child: DynamicChild) -> None:
        self._deadlines.cancel(child.deadline)
        child.deadline = None

    def _look_at_deadlines(self) -> None:
        if not self._deadlines:
            self.receive_timeout = None
            return
        now = self._clock.monotonic()
        for child in self._deadlines.take_due(now):
            child.deadline = None
            self._due(child, now)
        at = self._deadlines.next_at()
        self.receive_timeout = None if at is None else self._clock.wait_seconds(at)

    def _due(self, child: DynamicChild, now: float) -> None:
        stopping = child.stopping
        if stopping is None:
            self._start_timed_out(child)
            return
        stopping.expire(now)
        self._set_stop_deadline(child, stopping)
        reason = stopping.abandoned_reason()
        if reason is not None:
            self._child_ended(stopping.ref, reason)

    # -- the supervisor's own life -----------------------------------------------------------------

    def _start_children(self) -> None:
        """There are none yet."""

    def _stop_children(self) -> None:
        for child in list(self._children):
            if child.active and child.stopping is None:
                self._begin_stop(child, child.spec.shutdown_time)
        self._await_ends()

    def _kill_children(self) -> None:
        for child in list(self._children):
            if child.active:
                self._begin_stop(child, BRUTAL_KILL)
        self._await_ends()

    def _await_ends(self) -> None:
        """Wait until no child is left; what others have sent waits for this actor's end."""
        for child in list(self._children):
            if not child.active:
                self._children.remove(child)
        put_back = []
        while len(self._children):
            item = self._next_or_deadline()
            message = item.message if item.__class__ is Envelope else item
            if isinstance(message, Exited | Down):
                self._child_ended_while_stopping(message.ref, message.reason)
            elif message.__class__ is not ClockTurned and not isinstance(message, Started):
                put_back.append(item)
            self._look_at_deadlines()
        for item in put_back:
            self.actor_ref.signal(item)

    def _next_or_deadline(self) -> Any:
        at = self._deadlines.next_at()
        timeout = None if at is None else self._clock.wait_seconds(at)
        try:
            return self.receive(_anything, timeout=timeout)
        except CallTimeout:
            return ClockTurned()

    def _child_ended_while_stopping(self, ref: Ref, reason: ExitReason) -> None:
        child = self._children.of(ref)
        if child is not None:
            self._clear_deadline(child)
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


def _check_dynamic(flags: SupervisorFlags, max_children: object) -> None:
    if flags.strategy is not ONE_FOR_ONE:
        raise InvalidSupervisorFlags(
            f"strategy: a dynamic supervisor is ONE_FOR_ONE, not {flags.strategy}"
        )
    whole = isinstance(max_children, int) and not isinstance(max_children, bool)
    if not (whole or max_children == INFINITY) or max_children < 0:  # type: ignore[operator]
        raise InvalidSupervisorFlags(
            f"max_children: a whole number, zero or more, or INFINITY, not {max_children!r}"
        )
