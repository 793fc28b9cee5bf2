"""The end of an actor: killed, abandoned or by itself, and all that it means, exactly once.

The end is first marked and then the mailbox is emptied; a sender first puts and then looks whether
the actor has ended. Whichever came first, one of the two sees the other, and each message is taken
out exactly once: by the actor, by its end, or by its sender.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pykka

from supervision import links, telemetry
from supervision._pykka import Envelope, StopRequest
from supervision.errors import ActorDead
from supervision.execution import shield
from supervision.mailbox import BoundedInbox, message_of
from supervision.messages import WAKE, Exited, SystemMessage
from supervision.reasons import ABANDONED, Crashed, ExitReason
from supervision.undelivered import Undelivered, dead_letters

if TYPE_CHECKING:
    from supervision.executor import Executor
    from supervision.future import Future
    from supervision.ref import Ref

__all__ = ["abandon", "empty_mailbox", "end", "kill", "refuse", "reply_to"]


def kill(ref: Ref) -> None:
    """Raise an exception in the actor's thread; see `Ref.kill`."""
    with shield():  # a kill of the killer must not leave this one half done
        if not ref.claim_kill():
            return
        ref.kill_requested = True
        ref.attention = True
        executor = ref.executor
        if executor is not None:
            executor.interrupt(ref)
        ref.signal(WAKE)


def abandon(ref: Ref) -> None:
    """Declare the actor ended although its thread still runs; see `Ref.abandon`."""
    with shield():
        kill(ref)
        executor = _executor(ref)
        ended_here = end(ref, ABANDONED)
        if executor is None or executor.given_up:
            return
        if not (ended_here or ref.executor is executor):
            return  # it has ended by itself meanwhile, and its thread is out of its end, too
        executor.interrupt(ref)  # it may have kept the kill to itself; its end is told now
        ref.dispatcher.replace(executor)
        thread = executor.thread.name if executor.thread else "?"
        telemetry.emit(telemetry.THREAD_ABANDONED, ref=ref, thread=thread)


def end(ref: Ref, reason: ExitReason) -> bool:
    """Do all that an end means, exactly once; return whether this call did it.

    Called by the actor's own loop, or by `abandon`. The order is a promise: names are free before
    the supervisor hears of it, and the supervisor and the monitors have been told before anybody
    who waits for an answer. Whatever somebody else's code raises in it (a listener, a callback) is
    logged, and the end goes on.
    """
    with shield():
        if not ref.claim_end():
            return False
        actor, ref.running = ref.running, None
        ref.waiting_on = None
        ref.exit_reason = reason
        _leave_registries(ref)
        ref.names_free = True
        _go_on(ref, _report, ref, reason)
        while (watch := ref.next_watch()) is not None:
            _go_on(ref, watch.fire, reason)
        ref.watchers_told = True
        if actor is not None:
            _go_on(ref, actor.answer_pending, reason)
        empty_mailbox(ref, reason)
        return True


def empty_mailbox(ref: Ref, reason: ExitReason) -> None:
    """Answer all that waits in the mailbox of an actor that has ended; by whoever sees it."""
    with shield():  # what is taken out must be answered
        inbox = ref.actor_inbox
        if isinstance(inbox, BoundedInbox):
            inbox.close()
        while True:
            try:
                item = inbox.get_nowait()
            except queue.Empty:
                break
            refuse(ref, item, reason)
        if reason is ABANDONED and ref.busy is None:
            inbox.put(WAKE)  # its thread may sleep on the mailbox, and must find out


def refuse(ref: Ref, item: Any, reason: ExitReason) -> None:
    """Answer a message that will not be handled because the actor has ended."""
    message, future = message_of(item), reply_to(item)
    if future is not None:
        if isinstance(message, StopRequest):
            future.try_set(None)
        else:
            future.try_set_exception(ActorDead(ref.label, reason))
    elif not isinstance(message, (SystemMessage, StopRequest)):
        dead_letters.record(ref, message, Undelivered.ENDED)


def reply_to(item: Any) -> Future[Any] | None:
    """Return the future of who waits for an answer to what was sent, if anybody does."""
    return cast("Future[Any] | None", item.reply_to) if item.__class__ is Envelope else None


def _executor(ref: Ref) -> Executor | None:
    # Within its hooks and its end the ref knows its thread. Else it may be stuck in somebody's
    # callback: its own thread is on it as long as it runs, and a pool's worker during a turn.
    actor = ref.running
    if ref.executor is not None or actor is None:
        return ref.executor
    if ref.busy is not None and not ref.busy.locked():
        return None
    return actor.turn_executor()


def _report(ref: Ref, reason: ExitReason) -> None:
    if ref.parent is not None:
        ref.parent.signal(Exited(ref, reason))
    elif isinstance(reason, Crashed):
        telemetry.log_crash(ref, reason)
    if ref.links is not None:
        links.sever(ref, reason)
    telemetry.emit(telemetry.ACTOR_ENDED, ref=ref, reason=reason)


def _leave_registries(ref: Ref) -> None:
    for registration in ref.give_up_names():
        _go_on(ref, registration.registry.forget, registration)
    if ref.in_pykka_registry:
        _go_on(ref, pykka.ActorRegistry.unregister, ref)


def _go_on(ref: Ref, step: Callable[..., object], *args: Any) -> None:
    try:
        step(*args)
    except BaseException:  # noqa: BLE001 - an end must be whole, whoever fails in it
        telemetry.log_failed_end(ref, step)
