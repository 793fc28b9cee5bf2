"""The supervisor: a fixed list of children, started in order and stopped in reverse.

Source of the idea: OTP's `supervisor <https://www.erlang.org/doc/apps/stdlib/supervisor>`_. This
file is a shell: a message comes in, `decisions` and `strategies` say what it means, and the effects
are carried out here.

A restart that fails is not tried again in a loop, but by a message to self, and counts again.
Between two attempts whatever else is in the mailbox has its turn: a question, the termination of
that very child, or a request to stop.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supervision import telemetry
from supervision.administration import (
    CountChildren,
    DeleteChild,
    GetChildSpec,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from supervision.children import Child, ChildInfo, Children, ChildState, LastCrash
from supervision.clock import SYSTEM_CLOCK, Clock
from supervision.decisions import Decision, after_exit, auto_shuts_down
from supervision.errors import (
    AlreadyPresent,
    AlreadyStarted,
    CallTimeout,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    NotSupported,
)
from supervision.execution import shield
from supervision.messages import Exited, Started
from supervision.monitors import Down
from supervision.reasons import Crashed, ExitReason, Shutdown
from supervision.ref import Ref
from supervision.shutdown import KILL_GRACE, Stopping
from supervision.specs import ChildSpec, SupervisorFlags, check_children, check_significant
from supervision.starting import Aborted, Failed, Ignored, Launched, Outcome, declined, launch
from supervision.strategies import plan_restart
from supervision.supervisor_base import ClockTurned, SupervisorBase, ToSelf
from supervision.terms import BRUTAL_KILL, ShutdownTime

if TYPE_CHECKING:
    from supervision.actor import Actor

__all__ = ["Supervisor"]

_ENDS = (Exited, Down)


@dataclass(frozen=True, slots=True, eq=False)
class RetryRestart(ToSelf):
    """To self: the restart of this child has failed; try again."""

    child: Child


class Supervisor(SupervisorBase):
    """Keeps its children running, as its flags and their specs say.

    `Supervisor.start([...specs], flags)` starts the root of a tree; `child_spec(Supervisor,
    [...specs], flags, id="branch")` makes it a child of another. Ask it things with the functions
    of `supervision.administration`.

    Its exit reason is the one it was asked to end with; `Shutdown(GaveUp(...))` when its restart
    intensity was exceeded; `Shutdown(AutomaticShutdown(...))`; or `Crashed(StartFailed(...))`.

    Example:
        >>> from supervision import Actor, Supervisor, child_spec, which_children
        >>> class Greeter(Actor):
        ...     def on_receive(self, message):
        ...         return f"hello {message}"
        >>> root = Supervisor.start([child_spec(Greeter, id="greeter")])
        >>> which_children(root)[0].ref.ask("world")
        'hello world'
        >>> root.stop()
        True
    """

    def __init__(
        self,
        children: Sequence[ChildSpec | type[Actor]] = (),
        flags: SupervisorFlags = SupervisorFlags(),  # noqa: B008 - frozen
        *,
        clock: Clock = SYSTEM_CLOCK,
        kill_grace: float = KILL_GRACE,
    ) -> None:
        """Check the specs; runs in the starter's thread.

        Args:
            children: the first children, in the order of their start; specs, or actor classes.
            flags: strategy, restart intensity and auto_shutdown.
            clock: what restart intensity and shutdown times are measured by.
            kill_grace: seconds between the kill of a child and its abandonment.

        Raises:
            InvalidChildSpec: a child is no spec, an id is there twice, or a spec does not fit.
        """
        super().__init__(flags, clock=clock, kill_grace=kill_grace)
        self._specs = check_children(children, flags.auto_shutdown)
        self._children = Children()

    # -- messages ----------------------------------------------------------------------------------

    def _handle(self, message: Any) -> Any:
        match message:
            case Exited() | Down():
                self._child_ended(message.ref, message.reason)
            case Started():
                self._child_started(message.ref)
            case RetryRestart():
                self._retry(message)
            case ClockTurned():
                pass
            case _:
                return self._administer(message)
        return None

    def _administer(self, message: Any) -> Any:
        match message:
            case StartChild(spec):
                return self._start_child(spec)
            case TerminateChild(child_id):
                return self._terminate_child(child_id)
            case RestartChild(child_id):
                return self._restart_child(child_id)
            case DeleteChild(child_id):
                return self._delete_child(child_id)
            case WhichChildren(limit):
                return self._which(limit)
            case CountChildren():
                return self._children.counts()
            case GetChildSpec(child_id):
                return self._find(child_id).spec
            case _:
                self._reporter.unexpected(message)
                msg = f"a supervisor does not know the message {type(message).__name__}"
                raise NotSupported(msg)

    # -- administration ----------------------------------------------------------------------------

    def _start_child(self, spec: ChildSpec) -> Ref | None:
        check_significant(spec, self._flags.auto_shutdown)
        known = self._children.find(spec.id)
        if known is not None:
            if known.ref is not None:
                raise AlreadyStarted(spec.id, known.ref)
            raise AlreadyPresent(spec.id)
        child = self._children.add(spec)
        outcome = self._start(child)
        if isinstance(outcome, Failed):
            self._children.remove(child)
            self._reporter.start_failed(spec.id, outcome.reason, "refuse: nothing is left behind")
            raise outcome.error(spec)
        return self._ref_of(outcome)

    def _terminate_child(self, child_id: Hashable) -> None:
        if isinstance(child_id, Ref):
            msg = "terminate_child: a supervisor's child is named by its id, not by its ref"
            raise NotSupported(msg)
        self._stop_one(self._find(child_id))

    def _restart_child(self, child_id: Hashable) -> Ref | None:
        child = self._find_stopped(child_id)
        outcome = self._start(child)
        if isinstance(outcome, Failed):
            self._reporter.start_failed(child_id, outcome.reason, "refuse: it stays stopped")
            raise outcome.error(child.spec)
        return self._ref_of(outcome)

    def _delete_child(self, child_id: Hashable) -> None:
        self._children.remove(self._find_stopped(child_id))

    def _which(self, limit: int | None) -> list[ChildInfo]:
        return [child.info() for child in self._children][:limit]

    def _find(self, child_id: Hashable) -> Child:
        child = self._children.of(child_id) if isinstance(child_id, Ref) else None
        child = child or self._children.find(child_id)
        if child is None:
            raise ChildNotFound(child_id)
        return child

    def _find_stopped(self, child_id: Hashable) -> Child:
        child = self._find(child_id)
        if child.active:
            raise ChildRunning(child_id)
        if child.state is ChildState.RESTARTING:
            raise ChildRestarting(child_id)
        return child

    def _ref_of(self, outcome: Outcome) -> Ref | None:
        if isinstance(outcome, Aborted):
            self._refuse_if_stopping()
        return outcome.ref if isinstance(outcome, Launched) else None

    # -- what becomes of children ------------------------------------------------------------------

    def _child_started(self, ref: Ref) -> None:
        child = self._children.of(ref)
        if child is not None and child.state is ChildState.STARTING:
            self._children.running(child)

    def _child_ended(self, ref: Ref, reason: ExitReason) -> None:
        child = self._children.of(ref)
        if child is None:
            return  # it was stopped, and its stop has been seen to
        if child.state is ChildState.STARTING and declined(reason):
            self._children.stopped(child)
            return
        self._remember(child, reason)
        if after_exit(child.spec.restart, reason) is Decision.RESTART:
            self._restart(child, reason)
        else:
            self._let_go(child, reason)

    def _let_go(self, child: Child, reason: ExitReason) -> None:
        spec, ref = child.spec, child.ref
        decision = after_exit(spec.restart, reason)
        self._reporter.child_ended(spec, spec.id, ref, reason, decision)
        self._children.stopped(child)
        if auto_shuts_down(
            self._flags.auto_shutdown,
            significant=spec.significant,
            significant_left=self._children.significant_left(),
        ):
            self.exit(Shutdown(self._reporter.auto_shutdown(spec.id)))

    def _restart(self, child: Child, reason: ExitReason) -> None:
        spec, ref = child.spec, child.ref
        within = self._intensity.add(self._clock.monotonic())
        decision = Decision.RESTART if within else Decision.GIVE_UP
        if ref is not None:  # else it is a retry: the failed start has been reported
            self._reporter.child_ended(spec, spec.id, ref, reason, decision)
        self._children.stopped(child)
        if within:
            child.restarts += 1
            telemetry.restarts.add()
            self._restart_group(child)
        else:
            self.exit(Shutdown(self._reporter.gave_up(spec.id, self._flags, reason)))

    def _restart_group(self, failed: Child) -> None:
        plan = plan_restart(self._flags.strategy, self._children.members(), failed.spec.id)
        for child_id in plan.stop:
            self._stop_one(self._find(child_id))
        for child_id in plan.start:
            if self._stop_seen is not None:
                return
            child = self._find(child_id)
            outcome = self._start(child)
            if isinstance(outcome, Failed):
                self._try_again(child, outcome.reason)
                return

    def _try_again(self, child: Child, reason: ExitReason) -> None:
        self._reporter.start_failed(child.spec.id, reason, "try again")
        self._remember(child, reason)
        self._children.restarting(child)
        child.retry = RetryRestart(child)
        self.actor_ref.signal(child.retry)

    def _retry(self, retry: RetryRestart) -> None:
        child = retry.child
        if child.retry is retry and child.state is ChildState.RESTARTING:
            assert child.last_crash is not None
            self._restart(child, child.last_crash.reason)

    def _remember(self, child: Child, reason: ExitReason) -> None:
        if reason.abnormal:
            child.last_crash = LastCrash(reason, self._clock.now())

    # -- starting and stopping ---------------------------------------------------------------------

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

    def _kill_children(self) -> None:
        for child in self._children.in_reverse():
            self._end(child, BRUTAL_KILL)

    def _start(self, child: Child) -> Outcome:
        with shield():  # a kill must not come between an actor's start and its record
            launched = launch(child.spec, self.actor_ref)
            if isinstance(launched, Launched):
                self._children.starting(child, launched.ref)
        if not isinstance(launched, Launched):
            self._children.stopped(child)
            return launched
        if launched.acknowledged:
            self._children.running(child)
        elif child.spec.await_start:
            return self._await_started(child, launched)
        return launched

    def _await_started(self, child: Child, launched: Launched) -> Outcome:
        timeout = child.spec.start_timeout
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        message = self._wait_for_child(launched.ref, (Started, *_ENDS), deadline)
        if isinstance(message, Started):
            self._children.running(child)
            return launched
        if message is not None:
            self._children.stopped(child)
            return Ignored() if declined(message.reason) else Failed(message.reason)
        if self._stop_seen is not None:
            return Aborted()
        self._end(child, BRUTAL_KILL)
        error = CallTimeout(f"child {child.spec.id!r} did not start within {timeout:g} seconds")
        return Failed(Crashed(error))

    def _stop_one(self, child: Child) -> None:
        self._end(child, child.spec.shutdown_time)

    def _end(self, child: Child, shutdown: ShutdownTime) -> None:
        """Stop the child's actor, if it has one, and mark the child as stopped."""
        ref = child.ref
        if ref is not None:
            now = self._clock.monotonic()
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
