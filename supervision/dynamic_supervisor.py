"""The dynamic supervisor: any number of children, started on demand, each on its own.

Source of the idea: Elixir's `DynamicSupervisor <https://hexdocs.pm/elixir/DynamicSupervisor.html>`_
and its reference implementation.

Unlike the static one it never waits for a child: it notes what is due, and goes on with the next
message. A slow start or stop of one child delays nobody else, and each start, stop and crash costs
the same however many children there are. When it stops itself, its children stop in parallel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from random import random
from typing import Any

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
from supervision.all_at_once import AllAtOnce
from supervision.children import ChildState, LastCrash
from supervision.clock import SYSTEM_CLOCK, Clock
from supervision.decisions import Decision, after_exit, auto_shuts_down
from supervision.dynamic_children import DynamicChild
from supervision.errors import (
    ChildNotFound,
    InvalidSupervisorFlags,
    MaxChildren,
    NotSupported,
)
from supervision.execution import shield
from supervision.future import Future
from supervision.messages import Exited, Started
from supervision.monitors import Down
from supervision.reasons import ExitReason, Shutdown
from supervision.ref import Ref
from supervision.shutdown import KILL_GRACE, StopPhase
from supervision.specs import ChildSpec, Start, SupervisorFlags, check_significant
from supervision.starting import Failed, Ignored, Launched, Outcome, declined
from supervision.terms import INFINITY, ONE_FOR_ONE, ShutdownTime
from supervision.to_self import ClockTurned, RetryRestart, StartAgain

__all__ = ["DynamicSupervisor"]


class DynamicSupervisor(AllAtOnce):
    """Starts children on demand; `one_for_one`, and without an order among them.

    `start_child(supervisor, spec)` answers with the child's ref, by which it is named from then on;
    ids may repeat. A spec with `await_start=False` is answered as soon as the actor is made.

    Example:
        >>> from supervision import TEMPORARY, Actor, DynamicSupervisor, child_spec, start_child
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
        draw: Callable[[], float] = random,
    ) -> None:
        """Check the options; runs in the starter's thread.

        Args:
            flags: restart intensity and auto_shutdown; the strategy is `ONE_FOR_ONE`.
            max_children: how many children there may be, those between two restarts included.
            extra_args: what every child's `__init__` gets before the arguments of its own spec.
            clock: what restart intensity and shutdown times are measured by.
            kill_grace: seconds between the kill of a child and its abandonment.
            draw: where the jitter of a backoff comes from: a number from 0 up to 1.

        Raises:
            InvalidSupervisorFlags: another strategy, or a `max_children` that cannot be.
        """
        super().__init__(flags, clock=clock, kill_grace=kill_grace, draw=draw)
        _check_dynamic(flags, max_children)
        self._max_children = max_children
        self._extra_args = tuple(extra_args)

    # -- messages ----------------------------------------------------------------------------------

    def _handle(self, message: Any) -> Any:
        match message:
            case Exited() | Down():
                self._child_ended(message.ref, message.reason)
            case Started():
                self._child_started(message.ref)
            case StartChild(spec):
                return self._start_child(spec)
            case StartChildren(specs):
                return self._start_all(specs)
            case TerminateChild(child, shutdown):
                return self._terminate_child(child, shutdown)
            case RetryRestart(child):
                self._retry(child)
            case StartAgain(child):
                self._start_again_if_waiting(child)
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

    # -- administration ----------------------------------------------------------------------------

    def _start_child(self, spec: ChildSpec) -> Ref | None:
        started = self._begin_start(spec)
        if isinstance(started, DynamicChild):
            started.start_reply = self.defer_reply()
            return None
        return started

    def _start_all(self, specs: Iterable[ChildSpec]) -> list[Any] | None:
        """Start each; return what became of them, `None` if some are still to tell."""
        outcomes: list[Any] = []
        for spec in specs:
            started = self._begin_start_or_refuse(spec)
            if isinstance(started, DynamicChild):
                started.start_reply = Future()
                outcomes.append(started.start_reply)
            else:
                outcomes.append(started)
        awaited = sum(isinstance(one, Future) for one in outcomes)
        if not awaited:
            return outcomes
        _answer_once_all_are_there(self.defer_reply(), outcomes, awaited)
        return None

    def _begin_start_or_refuse(self, spec: ChildSpec) -> Any:
        # A step of its own, so that the traceback of a refusal holds no more than this spec.
        try:
            return self._begin_start(spec)
        except Exception as refused:  # noqa: BLE001 - the answer of this one
            return refused

    def _begin_start(self, spec: ChildSpec) -> DynamicChild | Ref | None:
        """Return the actor, `None` if it declined; the child, if its start is to be awaited."""
        check_significant(spec, self._flags.auto_shutdown)
        if len(self._children) >= self._max_children:
            raise MaxChildren(int(self._max_children))
        spec = self._with_extra_args(spec)
        outcome, child = self._launch_first(spec)
        if child is None:
            self._refuse_if_failed(spec, outcome)
            return None
        if child.state is ChildState.STARTING and spec.await_start:
            return child
        return child.ref

    def _refuse_if_failed(self, spec: ChildSpec, outcome: Outcome) -> None:
        if isinstance(outcome, Failed):
            self._reporter.start_failed(spec.id, outcome.reason, "refuse: nothing is left behind")
            raise outcome.error(spec)

    def _terminate_child(self, ref: object, shutdown: ShutdownTime | None) -> None:
        child = self._find(ref)
        if not child.active:
            self._forget_waiting(child)
            return
        child.failure = None  # it is not started again, whyever it is being stopped
        child.stop_replies = [*(child.stop_replies or ()), self.defer_reply()]
        if child.stopping is None:
            self._begin_stop(child, child.spec.shutdown_time if shutdown is None else shutdown)
        elif shutdown is not None and child.stopping.phase is StopPhase.ASKED:
            self._begin_stop(child, shutdown)  # somebody else has less patience, or more

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

    # -- ends --------------------------------------------------------------------------------------

    def _child_ended(self, ref: Ref, reason: ExitReason) -> None:
        child = self._children.of(ref)
        if child is None:
            return
        self._schedule.clear(child)
        stopping, child.stopping = child.stopping, None
        failure, child.failure = child.failure, None
        if stopping is not None and failure is None:
            self._stopped(child, stopping, reason)
        elif child.start_reply is not None:
            self._first_start_failed(child, failure or reason)
        elif not child.has_started and declined(reason):
            self._children.remove(child)
        else:
            self._ended_by_itself(child, failure or reason)

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
        if not within:
            self._children.remove(child)
            self.exit(Shutdown(self._reporter.gave_up(child.id, self._flags, reason)))
            return
        child.restarts += 1
        telemetry.restarts.add()
        if child.pace is None:
            self._start_again(child)
        else:
            self._children.restarting(child)
            self._reporter.restarts_later(child.id, self._schedule.start_later(child))

    def _start_again(self, child: DynamicChild) -> None:
        with shield():
            outcome = self._launch(child.spec)
            if isinstance(outcome, Launched):
                self._children.restarted(child, outcome.ref)
        if isinstance(outcome, Launched):
            self._launched(child, child.spec, outcome)
        elif isinstance(outcome, Ignored):
            self._children.remove(child)
        else:
            self._start_failed(child, outcome.reason)

    def _start_failed(self, child: DynamicChild, reason: ExitReason) -> None:
        self._reporter.start_failed(child.id, reason, "try again")
        child.last_crash = LastCrash(reason, self._clock.now())
        self._children.restarting(child)
        if child.pace is not None:
            self._restart(child, reason)
        else:
            self.actor_ref.signal(RetryRestart(child))

    def _retry(self, child: DynamicChild) -> None:
        if self._waits(child):
            assert child.last_crash is not None
            self._restart(child, child.last_crash.reason)

    def _start_again_if_waiting(self, child: DynamicChild) -> None:
        if self._waits(child):
            self._start_again(child)

    def _waits(self, child: DynamicChild) -> bool:
        return self._children.of(child.ref) is child and not child.active


def _answer_once_all_are_there(reply: Future[list[Any]], outcomes: list[Any], awaited: int) -> None:
    """Put what is to come into its place, and answer with all; runs in the supervisor's thread."""
    left = awaited

    def take(place: int, started: Future[Ref | None]) -> None:
        nonlocal left
        failure = started.exception()
        outcomes[place] = started.get() if failure is None else failure
        left -= 1
        if not left:
            reply.try_set(outcomes)

    for place, one in enumerate(outcomes):
        if isinstance(one, Future):
            one.add_done_callback(partial(take, place))


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
