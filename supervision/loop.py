"""The loop: an actor's life in turns, each on the thread of an `Executor`.

A kill interrupts the hooks only, never the loop around them: no message is lost between the mailbox
and its handling. Whatever a hook raises is the end of this actor, and of no other.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import structlog

from supervision._pykka import Envelope
from supervision.dispatch import TURN_SECONDS, Turn
from supervision.ending import refuse
from supervision.errors import ActorDead, Rejection
from supervision.executor import ActorKilled, Executor
from supervision.intake import EXITING, NOTHING, ActorExit, Intake
from supervision.reasons import KILLED, Crashed, ExitReason
from supervision.work import ON_START, ON_STOP, coarse_now

if TYPE_CHECKING:
    from supervision.work import Work

__all__ = ["TURN_MESSAGES", "Loop"]

TURN_MESSAGES = 128
_LEADS_TO_THE_ACTOR = (__name__, "supervision.actor")


class Loop(Intake):
    """From the first turn to the last: `on_start`, a message at a time, the last hook, the end."""

    _acknowledged = False  # what most actors never change is a default of the class

    def run_alone(self) -> None:
        """Run the whole life on this thread; called by the own-thread dispatcher."""
        executor = Executor()
        executor.bind()
        now = time.perf_counter
        while self._run(executor, self._next, now() + TURN_SECONDS) is Turn.OVER:
            pass
        executor.finish()

    def run_turn(self, executor: Executor, until: float) -> Turn:
        """Run one turn on a shared thread, until `time.perf_counter()` is `until` at the latest."""
        return self._run(executor, self._poll, until)

    def answer_pending(self, reason: ExitReason) -> None:
        """Answer all who wait for this actor; called once, when it ends."""
        dead = ActorDead(self._ref.label, reason)
        if self._reply is not None:
            # A reason that an exit signal brought is no crash on the message.
            crash = reason if isinstance(reason, Crashed) and reason is not self._ending else None
            self._reply.try_set_exception(dead if crash is None else crash.exception)
        if self._debts is not None:
            self._debts.settle(dead)
        for item in list(self._stash or ()):
            refuse(self._ref, item, reason)

    def crash_context(self, message: Any) -> Mapping[str, object]:
        """Return fields for the log event of a crash: what was being worked at. None here.

        Runs in the actor's thread when `on_receive` has crashed on `message`, or `on_start`, for
        which it is `None`. They are kept in the reason, `Crashed.context`: keep them few and small.
        """
        del message
        return {}

    @property
    def log(self) -> Any:
        """A structlog logger that is bound with the actor's name."""
        return structlog.get_logger().bind(actor=self._ref.label)

    # -- a turn ------------------------------------------------------------------------------------

    def _run(self, executor: Executor, take: Callable[[], Any], until: float) -> Turn:
        self._executor = executor
        ref, work = self._ref, executor.work
        before = work.handled_before = ref.handled
        work.since = work.busy_since = until - TURN_SECONDS
        work.ref = ref
        try:
            ending = self._live(executor, take, until)
            if ending is not None:
                ending = self._last_hooks(work, ending)
        except ActorKilled:
            ending = KILLED
            self._after_kill()
        except BaseException as exception:  # noqa: BLE001 - not a hook's, but its end must be told
            ending = Crashed(exception)
        turn = Turn.OVER
        if ending is not None:
            turn = self._finish(executor, ending)
        begun = work.busy_since
        assert begun is not None
        # Whole microseconds, rounded: small integers, unlike floats, take no memory of their own.
        ref.busy_microseconds += int((work.since - begun) * 1e6 + 0.5)
        work.ref = work.item = None
        work.done += ref.handled - before
        return turn

    def _live(self, executor: Executor, take: Callable[[], Any], until: float) -> ExitReason | None:
        ref, work = self._ref, executor.work
        inbox = ref.actor_inbox
        if ref.started_at is None and (ending := self._begin(work)) is not None:
            return ending
        for _ in range(TURN_MESSAGES):
            if ref.attention:
                item = self._attend(take)
            elif inbox.empty():
                item = take()
            else:
                try:
                    item = inbox.get_nowait()
                except queue.Empty:  # it was emptied meanwhile, or is being filled
                    item = take()
            if item is NOTHING:
                return self._ending
            ref.handled += 1
            work.item = item
            crash = self._process(item)
            work.since = now = time.perf_counter()
            if crash is not None:
                return crash
            if now > until:
                break
        waiting = inbox.qsize()
        if waiting > ref.longest_mailbox:
            ref.longest_mailbox = waiting
        return self._ending

    def _call(self, hook: Callable[..., Any], *args: Any) -> Any:
        """Call a hook so that a kill can interrupt it, and nothing behind it."""
        executor, ref = self._executor, self._ref
        assert executor is not None
        try:
            executor.enter(ref)
            if ref.kill_requested:
                raise ActorKilled
            result = hook(*args)
            executor.leave(ref)
        except BaseException:
            try:
                executor.leave(ref)
            except ActorKilled:  # on the way in; there is only ever one
                executor.leave(ref)
                raise
            raise
        return result

    def _finish(self, executor: Executor, ending: ExitReason) -> Turn:
        executor.tidy()
        self._ref.executor = executor  # for who abandons it while a callback of its end is stuck
        ended = self._ref.end(ending)
        self._ref.executor = None
        if ended:
            return Turn.ENDED
        if self._ref.exit_reason is not None:
            self.answer_pending(self._ref.exit_reason)  # what was in nobody's hands at that moment
        return Turn.LOST

    def _after_kill(self) -> None:
        """Run before a kill is reported, undisturbed by another; for supervisors."""

    # -- its parts ---------------------------------------------------------------------------------

    def _begin(self, work: Work) -> ExitReason | None:
        if self._ref.attention:
            if self._ref.kill_requested:
                raise ActorKilled
            if not self.trap_exits and self._heed_signals() is EXITING:
                return self._ending
        self._ref.started_at = coarse_now()
        work.item = ON_START
        try:
            self._call(self.on_start)
        except ActorKilled:
            raise
        except BaseException as exception:  # noqa: BLE001 - the end of this actor, and of no other
            if isinstance(exception, ActorExit) and self._ending is not None:
                return self._ending
            return self._crashed(exception, None)
        if not self._acknowledged:
            self._ref.started()
        work.since = time.perf_counter()
        return None

    def _process(self, item: Any) -> Crashed | None:
        executor, ref = self._executor, self._ref
        assert executor is not None
        message: Any = item
        if item.__class__ is Envelope:
            message = item.message
            self._reply = item.reply_to  # type: ignore[assignment] # one that `ask` made
        try:
            try:  # as `_call`, written out: a message of 0.6 us is 0.17 us less
                ref.executor = executor
                executor.current = executor.exposed = ref
                if ref.kill_requested:
                    raise ActorKilled
                result = self._handle_receive(message)
                executor.leave(ref)
            except BaseException:
                try:
                    executor.leave(ref)
                except ActorKilled:  # on the way in; there is only ever one
                    executor.leave(ref)
                    raise
                raise
        except Rejection as rejection:
            self._reject(rejection)
        except ActorKilled:
            raise
        except BaseException as exception:  # noqa: BLE001 - the end of this actor, and of no other
            return self._crash_of(exception, message)
        else:
            if self._reply is not None:
                self._reply.try_set(result)
        self._reply = None
        return None

    def _crash_of(self, exception: BaseException, message: Any) -> Crashed | None:
        if isinstance(exception, ActorExit) and self._ending is not None:
            return None  # and the end answers who asked
        return self._crashed(exception, message)

    def _crashed(self, exception: BaseException, message: Any) -> Crashed:
        exception.__traceback__ = _from_the_actor_on(exception.__traceback__)
        try:
            context = self.crash_context(message)
        except Exception as problem:  # noqa: BLE001 - the crash itself must be told
            context = {"crash_context_failed": repr(problem)}
        return Crashed(exception, context)

    def _reject(self, rejection: Rejection) -> None:
        if self._reply is None:
            self.log.info("actor.rejected", rejection=str(rejection))
        else:
            self._reply.try_set_exception(rejection)

    def _last_hooks(self, work: Work, ending: ExitReason) -> ExitReason:
        if self._ref.started_at is None:
            return ending  # an exit signal was there before `on_start`
        work.item = ON_STOP
        try:
            if isinstance(ending, Crashed):
                exception = ending.exception
                self._call(self.on_failure, type(exception), exception, exception.__traceback__)
            else:
                self._call(self.on_stop)
        except ActorKilled:
            raise
        except BaseException as exception:
            if isinstance(ending, Crashed):
                self.log.exception("actor.on_failure_failed")
                return ending
            return Crashed(exception)
        return ending


def _from_the_actor_on(traceback: TracebackType | None) -> TracebackType | None:
    """Leave out the frames that lead to the actor's own code: they are the same in every crash."""
    while (
        traceback is not None
        and traceback.tb_next is not None
        and traceback.tb_frame.f_globals.get("__name__") in _LEADS_TO_THE_ACTOR
    ):
        traceback = traceback.tb_next
    return traceback
