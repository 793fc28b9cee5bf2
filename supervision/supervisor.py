"""The supervisor: a fixed list of children, started in order and stopped in reverse.

Source of the idea: OTP's `supervisor <https://www.erlang.org/doc/apps/stdlib/supervisor>`_. This
file is a shell: a message comes in, `decisions` and `strategies` say what it means, and the effects
are carried out here.

A restart that fails is not tried again in a loop, but by a message to self, and counts again.
Between two attempts whatever else is in the mailbox has its turn: a question, the termination of
that very child, or a request to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from random import random
from typing import TYPE_CHECKING, Any

from supervision import telemetry
from supervision.administration import (
    CountChildren,
    DeleteChild,
    GetChildSpec,
    RestartChild,
    StartChild,
    StartChildren,
    TerminateChild,
    WhichChildren,
)
from supervision.children import Child, ChildInfo, ChildState, LastCrash
from supervision.clock import SYSTEM_CLOCK, Clock
from supervision.decisions import Decision, after_exit, auto_shuts_down
from supervision.errors import (
    AlreadyPresent,
    AlreadyStarted,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    NotSupported,
)
from supervision.messages import Exited, Started
from supervision.monitors import Down
from supervision.one_by_one import OneByOne
from supervision.reasons import ExitReason, Shutdown
from supervision.ref import Ref
from supervision.shutdown import KILL_GRACE
from supervision.specs import ChildSpec, SupervisorFlags, check_significant
from supervision.starting import Aborted, Failed, Launched, Outcome, declined
from supervision.strategies import Plan, plan_restart
from supervision.terms import ShutdownTime
from supervision.to_self import ClockTurned, RetryRestart, StartAgain

if TYPE_CHECKING:
    from supervision.actor import Actor

__all__ = ["Supervisor"]


class Supervisor(OneByOne):
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
        draw: Callable[[], float] = random,
    ) -> None:
        """Check the specs; runs in the starter's thread.

        Args:
            children: the first children, in the order of their start; specs, or actor classes.
            flags: strategy, restart intensity and auto_shutdown.
            clock: what restart intensity and shutdown times are measured by.
            kill_grace: seconds between the kill of a child and its abandonment.
            draw: where the jitter of a backoff comes from: a number from 0 up to 1.

        Raises:
            InvalidChildSpec: a child is no spec, an id is there twice, or a spec does not fit.
        """
        super().__init__(children, flags, clock=clock, kill_grace=kill_grace, draw=draw)

    # -- messages ----------------------------------------------------------------------------------

    def _handle(self, message: Any) -> Any:
        match message:
            case Exited() | Down():
                self._child_ended(message.ref, message.reason)
            case Started():
                self._child_started(message.ref)
            case RetryRestart():
                self._retry(message)
            case StartAgain():
                self._start_again(message)
            case ClockTurned():
                pass
            case _:
                return self._administer(message)
        return None

    def _administer(self, message: Any) -> Any:
        match message:
            case StartChild(spec):
                return self._start_child(spec)
            case TerminateChild(child_id, shutdown):
                return self._terminate_child(child_id, shutdown)
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
            case StartChildren():
                msg = "StartChildren: a static supervisor starts one child after the other"
                raise NotSupported(msg)
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

    def _terminate_child(self, child_id: Hashable, shutdown: ShutdownTime | None) -> None:
        if isinstance(child_id, Ref):
            msg = "terminate_child: a supervisor's child is named by its id, not by its ref"
            raise NotSupported(msg)
        child = self._find(child_id)
        self._end(child, child.spec.shutdown_time if shutdown is None else shutdown)

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
            self._running(child)

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
        if not within:
            self.exit(Shutdown(self._reporter.gave_up(spec.id, self._flags, reason)))
            return
        child.restarts += 1
        telemetry.restarts.add()
        if child.pace is None:
            self._restart_group(child)
        else:
            self._restart_group_later(child)

    def _restart_group(self, failed: Child) -> None:
        for child_id in self._stop_group(failed).start:
            if self._stop_seen is not None:
                return
            child = self._find(child_id)
            outcome = self._start(child)
            if isinstance(outcome, Failed):
                self._start_failed(child, outcome.reason)
                return

    def _restart_group_later(self, failed: Child) -> None:
        self._children.restarting(failed)
        failed.retry = None  # one that is on its way comes too early
        delay = self._schedule.start_later(failed)
        self._reporter.restarts_later(failed.spec.id, delay)
        self._stop_group(failed)

    def _stop_group(self, failed: Child) -> Plan:
        plan = plan_restart(self._flags.strategy, self._children.members(), failed.spec.id)
        for child_id in plan.stop:
            self._stop_one(self._find(child_id))
        return plan

    def _start_failed(self, child: Child, reason: ExitReason) -> None:
        self._reporter.start_failed(child.spec.id, reason, "try again")
        self._remember(child, reason)
        if child.pace is not None:
            self._restart(child, reason)
            return
        self._children.restarting(child)
        child.retry = RetryRestart(child)
        self.actor_ref.signal(child.retry)

    def _retry(self, retry: RetryRestart) -> None:
        child = retry.child
        if child.retry is retry and child.state is ChildState.RESTARTING:
            assert child.last_crash is not None
            self._restart(child, child.last_crash.reason)

    def _start_again(self, due: StartAgain) -> None:
        child = due.child
        if child.retry is due and child.state is ChildState.RESTARTING:
            self._restart_group(child)

    def _remember(self, child: Child, reason: ExitReason) -> None:
        if reason.abnormal:
            child.last_crash = LastCrash(reason, self._clock.now())
