"""Mailboxes with a limit: who waits, who is refused, what is dropped, and what never is."""

from __future__ import annotations

import queue
import threading
import tracemalloc
from typing import Any

import pytest

from supervision import (
    KILLED,
    ActorDead,
    CallCycle,
    CallTimeout,
    ChildSpec,
    Crashed,
    InvalidChildSpec,
    Mailbox,
    MailboxFull,
    Overflow,
    Ref,
    Supervisor,
    Undelivered,
    dead_letters,
    monitor,
    spawn,
)
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from supervision.testing_children import Script, children_of
from tests.supervision.echo import Recorder

BLOCK, REFUSE, DROP_OLDEST = Overflow.BLOCK, Overflow.REFUSE, Overflow.DROP_OLDEST


class Held:
    """An actor that stands at a gate; its mailbox is full: `first`, and numbers from zero."""

    def __init__(self, start: Any, mailbox: Mailbox, *first: Any) -> None:
        self.gate = Gate()
        self.ref: Ref = start(Recorder, mailbox=mailbox)
        self.ref.tell(lambda _: self.gate.pass_through())
        self.gate.wait_arrived()
        for message in (*first, *range(mailbox.limit - len(first))):
            self.ref.tell(message)

    def seen(self) -> list[Any]:
        self.gate.open()
        wait_until(lambda: self.ref.mailbox_length() == 0)
        seen: list[Any] = self.ref.ask(lambda actor: list(actor.seen), timeout=HANG)
        return seen

    def wait_for_waiting(self, number: int = 1) -> None:
        wait_until(lambda: len(self.ref.actor_inbox._waiting) == number)  # type: ignore[union-attr]


def in_thread(function: Any) -> queue.SimpleQueue[Any]:
    """Call it in a thread of its own; what it returns or raises is in the queue."""
    outcome: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put(function())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            outcome.put(error)

    threading.Thread(target=run).start()
    return outcome


# -- refusing ------------------------------------------------------------------------------------


def test_a_full_mailbox_that_refuses_tells_the_sender(start: Any) -> None:
    held = Held(start, Mailbox(2, REFUSE))

    with pytest.raises(MailboxFull, match=r"already has its 2 messages"):
        held.ref.tell(2)
    with pytest.raises(queue.Full):
        held.ref.ask(2, timeout=HANG)
    assert isinstance(held.ref.ask(2, block=False).exception(), MailboxFull)
    assert held.seen() == [0, 1]


def test_a_message_that_was_taken_out_makes_room(start: Any) -> None:
    held = Held(start, Mailbox(1, REFUSE))
    assert held.seen() == [0]

    assert held.ref.ask("room", timeout=HANG) == "room"


def test_a_signal_to_a_full_mailbox_is_a_dead_letter_and_never_waits(start: Any) -> None:
    for overflow in (BLOCK, REFUSE):
        held = Held(start, Mailbox(1, overflow))
        before = dead_letters.counts()[Undelivered.FULL]
        held.ref.signal("timer")

        assert dead_letters.counts()[Undelivered.FULL] == before + 1
        assert dead_letters.recent()[-1].message_type == "str"
        assert held.seen() == [0]


def test_what_is_forwarded_to_a_full_mailbox_fails_for_its_asker(start: Any) -> None:
    held = Held(start, Mailbox(1, BLOCK))
    hatch = start(Recorder)
    answer = hatch.ask(lambda actor: held.ref.forward("asked", actor.release_reply()), block=False)

    with pytest.raises(MailboxFull):
        answer.get(timeout=HANG)
    held.gate.open()


# -- dropping ------------------------------------------------------------------------------------


def test_the_newest_take_the_place_of_the_oldest_which_are_dead_letters(start: Any) -> None:
    held = Held(start, Mailbox(3, DROP_OLDEST))
    before = dead_letters.counts()[Undelivered.DROPPED]
    for number in range(3, 5):
        held.ref.tell(number)

    assert held.seen() == [2, 3, 4]
    assert dead_letters.counts()[Undelivered.DROPPED] == before + 2


def test_who_asked_what_was_dropped_is_told(start: Any) -> None:
    held = Held(start, Mailbox(1, DROP_OLDEST))
    first = held.ref.ask("first", block=False)
    held.ref.signal("second")

    with pytest.raises(MailboxFull):
        first.get(timeout=HANG)
    assert held.seen() == ["second"]


def test_memory_is_flat_under_a_flood(start: Any) -> None:
    held = Held(start, Mailbox(10, DROP_OLDEST))
    tracemalloc.start()
    try:
        for _ in range(3_000):
            held.ref.tell(bytes(10_000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000, "thirty times that were sent"
    assert len(held.seen()) == 10


# -- blocking ------------------------------------------------------------------------------------


def test_a_sender_waits_until_there_is_room(start: Any) -> None:
    held = Held(start, Mailbox(1, BLOCK))
    told = in_thread(lambda: held.ref.tell("waited"))
    held.wait_for_waiting()
    assert told.empty()
    held.gate.open()

    assert told.get(timeout=HANG) is None
    assert held.seen() == [0, "waited"]


def test_those_who_wait_are_let_in_in_their_order(start: Any) -> None:
    held = Held(start, Mailbox(1, BLOCK))
    told = []
    for number in range(1, 6):
        told.append(in_thread(lambda number=number: held.ref.tell(number)))
        held.wait_for_waiting(number)

    assert held.seen() == [0, 1, 2, 3, 4, 5]
    assert [one.get(timeout=HANG) for one in told] == [None] * 5


def test_a_flood_from_many_keeps_the_order_of_each_and_the_limit(start: Any) -> None:
    ref = start(Recorder, mailbox=Mailbox(4, BLOCK))
    told = [
        in_thread(lambda sender=sender: [ref.tell((sender, n)) for n in range(200)])
        for sender in range(3)
    ]
    longest = 0
    while ref.handled < 600:
        longest = max(longest, ref.mailbox_length())
    for one in told:
        one.get(timeout=HANG)
    seen = ref.ask(lambda actor: list(actor.seen), timeout=HANG)

    assert longest <= 4
    for sender in range(3):
        assert [n for who, n in seen if who == sender] == list(range(200))


def test_a_sender_that_waits_hears_of_the_end(start: Any) -> None:
    held = Held(start, Mailbox(1, BLOCK))
    told = in_thread(lambda: held.ref.tell("waited"))
    asked = in_thread(lambda: held.ref.ask("waited", timeout=HANG))
    held.wait_for_waiting(2)
    held.ref.abandon()

    assert isinstance(told.get(timeout=HANG), ActorDead)
    assert isinstance(asked.get(timeout=HANG), ActorDead)
    held.gate.open()


def test_the_timeout_of_an_ask_covers_the_wait_for_room(start: Any) -> None:
    held = Held(start, Mailbox(1, BLOCK))

    with pytest.raises(CallTimeout, match="no room in the mailbox"):
        held.ref.ask("late", timeout=0.01)
    assert isinstance(held.ref.ask("late", block=False, timeout=0.01).exception(), CallTimeout)
    assert held.seen() == [0]


def test_a_sender_that_waits_can_be_killed_and_its_message_is_gone(start: Any) -> None:
    held, sender = Held(start, Mailbox(1, BLOCK)), start(Recorder)
    sender.tell(lambda _: held.ref.tell("of the dead"))
    held.wait_for_waiting()
    sender.kill()

    assert wait_for_exit(sender) == KILLED
    assert held.seen() == [0]


def test_waiting_for_room_takes_no_worker_from_the_rest(start: Any, dispatcher: Any) -> None:
    """More senders than a pool has workers wait, and the others still run."""
    held = Held(start, Mailbox(1, BLOCK))
    senders = [start(Recorder) for _ in range(8)]
    for number, sender in enumerate(senders, 1):
        sender.tell(lambda _: held.ref.tell("waited"))
        held.wait_for_waiting(number)

    assert start(Recorder).ask("runs", timeout=HANG) == "runs"
    assert held.seen() == [0, *["waited"] * 8]


def test_an_actor_that_fills_its_own_mailbox_gets_an_error_and_does_not_hang(start: Any) -> None:
    ref = start(Recorder, mailbox=Mailbox(1, BLOCK))

    with pytest.raises(CallCycle, match="->"):
        ref.ask(lambda actor: [actor.actor_ref.tell(n) for n in range(3)], timeout=HANG)


def test_two_that_wait_for_room_in_each_other_get_the_cycle(start: Any) -> None:
    left = Held(start, Mailbox(2, BLOCK), lambda _: right.ref.tell("to the right"))
    right = Held(start, Mailbox(1, BLOCK), lambda _: left.ref.tell("to the left"))
    before = in_thread(lambda: right.ref.tell("is let in first"))
    right.wait_for_waiting(1)
    left.gate.open()
    right.wait_for_waiting(2)  # the other one is `left`, which has one message, and then two:
    left.ref.tell("it is full again")
    right.gate.open()

    reason = wait_for_exit(right.ref)
    assert isinstance(reason, Crashed)
    assert isinstance(reason.exception, CallCycle)
    assert [str(one) for one in reason.exception.path] == [
        right.ref.label,
        left.ref.label,
        right.ref.label,
    ]
    assert before.get(timeout=HANG) is None


# -- what is never counted -------------------------------------------------------------------------


@pytest.mark.parametrize("overflow", list(Overflow))
def test_a_full_mailbox_can_be_stopped_and_still_hears_of_ends(
    start: Any, overflow: Overflow
) -> None:
    """A shutdown, a report of a monitor and Pykka's stop come in, and displace nothing."""
    held, other = Held(start, Mailbox(2, overflow)), start(Recorder)
    monitor(other, held.ref)
    other.kill()
    wait_for_exit(other)
    stopped = in_thread(held.ref.stop)
    wait_until(lambda: held.ref.mailbox_length() == 4)
    actor = held.ref.running
    assert isinstance(actor, Recorder)
    seen = actor.seen
    held.gate.open()

    assert stopped.get(timeout=HANG) is True
    assert seen[:2] == [0, 1]
    assert seen[2].ref is other


def test_a_full_mailbox_can_be_killed(start: Any) -> None:
    held = Held(start, Mailbox(1, BLOCK))
    held.ref.kill()
    held.gate.open()

    assert wait_for_exit(held.ref) == KILLED


# -- where it is said ------------------------------------------------------------------------------


def test_a_class_says_how_large_its_mailboxes_are_and_a_start_may_say_otherwise() -> None:
    class Small(Recorder):
        mailbox = Mailbox(1, REFUSE)

    ref, larger = spawn(Small), spawn(Small, mailbox=Mailbox(7, REFUSE))

    assert ref.actor_inbox.mailbox == Mailbox(1, REFUSE)  # type: ignore[union-attr]
    assert larger.actor_inbox.mailbox == Mailbox(7, REFUSE)  # type: ignore[union-attr]
    ref.stop()
    larger.stop()


def test_a_child_spec_says_how_large_the_mailbox_is_at_each_restart() -> None:
    script = Script("bounded")
    root = Supervisor.start([script.spec(mailbox=Mailbox(3))])
    for _ in range(2):
        child = script.wait_started()
        assert child.actor_inbox.mailbox == Mailbox(3)  # type: ignore[union-attr]
        child.kill()
    assert set(children_of(root)) == {"bounded"}
    root.stop()


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, None, "10"])
def test_a_limit_that_cannot_be_is_refused(limit: Any) -> None:
    with pytest.raises(ValueError, match=r"^limit: a whole number"):
        Mailbox(limit)


def test_an_overflow_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^overflow: BLOCK, REFUSE or DROP_OLDEST"):
        Mailbox(1, "block")  # type: ignore[arg-type]


def test_a_spec_refuses_what_is_no_mailbox() -> None:
    with pytest.raises(InvalidChildSpec, match=r"^mailbox: "):
        Recorder.child_spec(mailbox=10)
    with pytest.raises(InvalidChildSpec, match="only with a Start"):
        ChildSpec(id="x", start=lambda: spawn(Recorder), mailbox=Mailbox(1))
