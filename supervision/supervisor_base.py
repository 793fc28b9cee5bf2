"""What both kinds of supervisor have in common: waiting on the clock, and their own end.

A supervisor's children never outlive it, and they are gone before its own end is reported, so that
a successor finds their names free. It stops them in `on_stop` and `on_failure`; if it is killed, it
kills them. If its thread is stuck and it is abandoned, a monitor on the supervisor itself kills
them, in the thread that abandoned it, and so on down the tree.

A supervisor waits for one child at a time with selective receive. A request to stop that arrives
meanwhile is noticed at once: what was being done is broken off, and the rest of the mailbox is
answered with the exit reason.

It does not trap exits: a signal ends it as a request to stop does, children first, with the reason
of the signal. That is what OTP's supervisors do when their parent ends. A child that is linked with
its supervisor is restarted all the same.
"""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import structlog

from supervision._pykka import Envelope
from supervision.actor import Actor
from supervision.clock import SYSTEM_CLOCK, Clock
from supervision.errors import (
    ActorDead,
    CallTimeout,
    NotSupported,
    StartFailed,
    SupervisionError,
)
from supervision.future import Future
from supervision.intensity import RestartIntensity
from supervision.messages import (
    Exited,
    ExitSignal,
    Started,
    SystemMessage,
    is_stop,
    stop_reason,
)
from supervision.monitors import Down, monitor
from supervision.reasons import KILLED, Crashed, ExitReason
from supervision.reports import Reporter
from supervision.schedule import Schedule
from supervision.shutdown import KILL_GRACE
from supervision.specs import SupervisorFlags
from supervision.terms import SUPERVISOR, ChildType
from supervision.to_self import CLOCK_TURNED, ClockTurned

if TYPE_CHECKING:
    from supervision.children import LastCrash
    from supervision.ref import Ref

__all__ = ["SupervisorBase"]


ChildMessageKinds: TypeAlias = tuple[type[Started] | type[Exited] | type[Down], ...]


class SupervisorBase(Actor):
    """An actor that has children. It waits for them, so it runs on a thread of its own."""

    child_type: ClassVar[ChildType] = SUPERVISOR

    def __init__(
        self,
        flags: SupervisorFlags,
        *,
        clock: Clock = SYSTEM_CLOCK,
        kill_grace: float = KILL_GRACE,
        draw: Callable[[], float] = random.random,
    ) -> None:
        super().__init__()
        self._flags = flags
        self._clock = clock
        self._schedule = Schedule(clock, draw)
        self._kill_grace = kill_grace
        self._started: Future[None] = Future()
        self._intensity = RestartIntensity(flags.max_restarts, flags.max_seconds)
        self._reporter = Reporter(self.actor_ref, structlog.get_logger())
        self._stop_seen: ExitReason | None = None
        self._unsubscribe: Callable[[], None] = _nothing

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> Ref:
        """Start the root of a tree, wait until all of it has started, and return its ref.

        Runs in the caller's thread. `ref.stop()` stops the tree, children in reverse, and waits.

        Raises:
            StartFailed: a child could not be started (`child_id`, `reason`, and the exception as
                the cause); what had been started before it is stopped again.
            Ignore: the supervisor's own `__init__` declined.
            InvalidChildSpec: one of the children is no valid spec.
        """
        supervisor = cls(*args, **kwargs)
        ref, started = supervisor.actor_ref, supervisor._started
        watch = monitor(ref, lambda down: _start_ended(started, down))
        ref.join_pykka_registry()
        ref.dispatcher.begin(supervisor)
        try:
            started.get()
        except BaseException:
            ref.shutdown()
            raise
        finally:
            watch.cancel()
        return ref

    # -- the life ----------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Start the children; own thread."""
        if self.actor_ref.busy is not None:
            msg = "a supervisor waits for its children: it needs a thread of its own, not a pool"
            raise NotSupported(msg)
        monitor(self.actor_ref, self._kill_orphans)
        self._unsubscribe = self._clock.subscribe(self._clock_turned)
        self._start_children()
        if self._stop_seen is None:
            self._started.set()

    def on_receive(self, message: Any) -> Any:
        """Handle what is asked of a supervisor, and what becomes of its children."""
        try:
            return self._handle(message)
        except SupervisionError as refusal:  # an answer; this actor is none the worse for it
            if isinstance(message, SystemMessage | Down):
                raise
            self.reply_exception(refusal)
            return None
        finally:
            self._look_at_schedule()

    def on_timeout(self) -> None:
        """A deadline has come and no message before it; own thread."""
        self._look_at_schedule()

    def on_stop(self) -> None:
        """Stop the children; own thread."""
        self._stop_children()
        self._unsubscribe()

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the children of a supervisor whose start failed, or that crashed itself."""
        del exception_type, exception_value, traceback
        self.on_stop()

    def _after_kill(self) -> None:
        self._stop_seen = KILLED  # requests to stop are of no more interest
        try:
            now = self._clock.monotonic()  # from here on they have the grace, all at once
            for ref in self._active_refs():
                # The kill may have come while this actor was about to handle the child's `Exited`:
                # a monitor reports again.
                monitor(ref, self.actor_ref)
                ref.kill()
            if self.actor_ref.is_alive():  # else it was abandoned, and is told of no end any more
                self._kill_children(now)
        except Exception:
            self.log.exception("supervisor.kill_failed")
        self._unsubscribe()

    def _ends_by(self, signal: ExitSignal) -> bool:
        return super()._ends_by(signal) and not (signal.linked and self._is_child(signal.ref))

    def _is_child(self, ref: Ref | None) -> bool:
        # Of one that a start function made the parent is not known.
        made_here = ref is not None and ref.parent is self.actor_ref
        return made_here or any(ref is child for child in self._active_refs())

    # -- what the two kinds do differently ---------------------------------------------------------

    @abstractmethod
    def _start_children(self) -> None:
        """Start the first children, or raise `StartFailed`."""

    @abstractmethod
    def _stop_children(self) -> None:
        """Stop all children and return when they have ended."""

    @abstractmethod
    def _kill_children(self, now: float) -> None:
        """Wait for the end of all children, which were killed at `now`, and abandon the rest."""

    @abstractmethod
    def _handle(self, message: Any) -> Any:
        """Do what `message` asks and return the answer; a `SupervisionError` is a refusal."""

    @abstractmethod
    def history_of(self, ref: Ref) -> tuple[int, LastCrash | None]:
        """Return how often the child of `ref` was restarted, and its last crash; from any thread.

        For a stranger that is never, and `None`.
        """

    @abstractmethod
    def _due(self, child: Any, now: float) -> None:
        """What `_schedule` has for this child is due; wait for nothing."""

    @abstractmethod
    def _active_refs(self) -> Iterable[Ref]:
        """Return the actors of the children; called from any thread once this actor has ended."""

    # -- waiting -----------------------------------------------------------------------------------

    def _wait_for_child(
        self, ref: Ref, kinds: ChildMessageKinds, deadline: float | None
    ) -> Started | Exited | Down | None:
        """Wait for one of `kinds` from `ref`, until the clock shows `deadline`.

        Returns `None` when the deadline has passed, and when a request to stop has arrived for the
        first time; `_stop_seen` tells the two apart.
        """

        def wanted(message: Any) -> bool:
            if message.__class__ is ClockTurned or self._is_new_stop(message):
                return True
            return isinstance(message, kinds) and message.ref is ref

        while True:
            timeout = None if deadline is None else self._clock.wait_seconds(deadline)
            try:
                item = self.receive(wanted, timeout=timeout, system=True)
            except CallTimeout:
                item = CLOCK_TURNED
            if self._note_stop(item):
                return None
            if item.__class__ is not ClockTurned:
                child_message: Started | Exited | Down = item
                return child_message
            if deadline is not None and self._clock.monotonic() >= deadline:
                return None

    def _is_new_stop(self, message: Any) -> bool:
        return self._stop_seen is None and is_stop(message)

    def _note_stop(self, item: Any) -> bool:
        message = item.message if item.__class__ is Envelope else item
        if not self._is_new_stop(message):
            return False
        self._stop_seen = reason = stop_reason(message)
        self.exit(reason)
        return True

    def _refuse_if_stopping(self) -> None:
        if self._stop_seen is not None:
            raise ActorDead(self.actor_ref.label, self._stop_seen)

    def _clock_turned(self) -> None:
        self.actor_ref.signal(CLOCK_TURNED)

    def _look_at_schedule(self) -> None:
        for child, now in self._schedule.take_due():
            self._due(child, now)
        self.receive_timeout = self._schedule.seconds_to_next()

    # -- ends --------------------------------------------------------------------------------------

    def _kill_orphans(self, down: Down) -> None:
        del down
        self._unsubscribe()
        for ref in list(self._active_refs()):
            ref.kill()


def _start_ended(started: Future[None], down: Down) -> None:
    reason = down.reason
    if isinstance(reason, Crashed):
        started.try_set_exception(reason.exception)
    else:
        started.try_set_exception(StartFailed(down.ref.label, reason))


def _nothing() -> None:
    """The clock has not been subscribed to."""
