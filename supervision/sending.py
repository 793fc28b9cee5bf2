"""Putting a message into an actor's mailbox, in the sender's thread.

No message is lost without a trace: it is handled, or whoever waits for an answer gets an error, or
it is a dead letter. A sender first puts and then looks whether the actor has ended; see `ending`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervision._pykka import Envelope
from supervision.ending import empty_mailbox, reply_to
from supervision.errors import ActorDead, CallCycle, CallTimeout, MailboxFull
from supervision.executor import ActorKilled
from supervision.mailbox import message_of
from supervision.tracing import note_out, senders
from supervision.undelivered import Undelivered, dead_letters

if TYPE_CHECKING:
    from supervision.future import Future
    from supervision.ref import Ref

__all__ = ["put", "put_ask", "turn_away"]


def put(ref: Ref, item: Any, wait: bool, timeout: float | None) -> None:
    """Put what is sent into the mailbox, and have it seen; `wait`: for room in it, if it has to.

    Raises:
        ActorDead, CallCycle, CallTimeout, MailboxFull: of a mailbox with a limit.
    """
    if senders:
        note_out(ref, item)
    try:
        # A queue without a limit ignores both, and never waits.
        ref.actor_inbox.put(item, wait, timeout)
        if ref.exit_reason is not None:
            empty_mailbox(ref, ref.exit_reason)
        elif ref.busy is not None:
            ref.dispatcher.wake(ref)
    except ActorKilled:
        # The sender is killed between two steps; the message, if it is in, must be seen.
        _look_again(ref)
        raise


def put_ask(ref: Ref, message: Any, future: Future[Any], timeout: float | None) -> None:
    """Put an ask in; whatever hinders it is in the future."""
    if ref.exit_reason is not None:
        future.try_set_exception(ActorDead(ref.label, ref.exit_reason))
        return
    try:
        put(ref, Envelope(message, future), True, timeout)
    except (ActorDead, CallCycle, CallTimeout, MailboxFull) as error:  # of a bounded mailbox
        future.try_set_exception(error)


def turn_away(ref: Ref, item: Any, full: MailboxFull, why: Undelivered) -> None:
    """Answer a message for which there was no room."""
    future = reply_to(item)
    if future is not None:
        future.try_set_exception(full)
    if future is None or why is Undelivered.DROPPED:
        dead_letters.record(ref, message_of(item), why)


def _look_again(ref: Ref) -> None:
    if ref.exit_reason is not None:
        empty_mailbox(ref, ref.exit_reason)
    elif ref.busy is not None:
        ref.queued = False
        ref.dispatcher.wake(ref)
