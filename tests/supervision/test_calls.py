"""Asks: how long they may take through several actors, who may wait for whom, and who answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from supervision import (
    Actor,
    ActorDead,
    CallCycle,
    CallTimeout,
    Crashed,
    Future,
    Ref,
    Registry,
    remaining,
)
from supervision.testing import HANG, Gate, Sequencer, wait_for_exit, wait_until
from tests.supervision.echo import Echo

LONG = 1_000.0
"""Seconds for an ask that is answered at once: only what is left of them is looked at."""


class Slow(Actor):
    """Cannot be asked before the gate in its `on_start` is open."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def on_start(self) -> None:
        self._gate.pass_through()

    def on_receive(self, message: Any) -> Any:
        return message


# -- deadlines -----------------------------------------------------------------------------------


def test_the_handler_of_an_ask_sees_what_is_left_of_its_timeout(start: Any) -> None:
    left = start(Echo).ask(lambda _: remaining(), timeout=LONG)

    assert LONG - HANG < left <= LONG


def test_without_a_timeout_nothing_runs_out(start: Any) -> None:
    assert start(Echo).ask(lambda _: remaining()) is None
    assert remaining() is None, "outside actors, too"


def test_a_tell_has_no_deadline_whatever_was_asked_before(start: Any) -> None:
    ref, seen = start(Echo), list[Any]()
    ref.ask("something", timeout=LONG)
    ref.tell(lambda _: seen.append(remaining()))
    ref.ask("and then")

    assert seen == [None]


def test_a_future_that_was_asked_for_with_a_timeout_gives_the_handler_a_deadline(
    start: Any,
) -> None:
    assert start(Echo).ask(lambda _: remaining(), block=False, timeout=LONG).get() <= LONG


def test_the_deadline_is_handed_on_through_every_ask_that_has_none(start: Any) -> None:
    first, second, third = start(Echo), start(Echo), start(Echo)
    left = first.ask(lambda _: second.ask(lambda _: third.ask(lambda _: remaining())), timeout=LONG)

    assert LONG - HANG < left <= LONG


def test_an_ask_with_a_timeout_of_its_own_keeps_it(start: Any) -> None:
    outer, inner = start(Echo), start(Echo)

    assert outer.ask(lambda _: inner.ask(lambda _: remaining(), timeout=2 * LONG), timeout=LONG) > (
        LONG
    )


def test_an_ask_inside_is_over_when_the_one_outside_is(start: Any) -> None:
    gate, busy, outer = Gate(), start(Echo), start(Echo)
    busy.tell(lambda _: gate.pass_through())
    gate.wait_arrived()
    errors: list[str] = []

    def ask_busy(_: Actor) -> None:
        try:
            busy.ask("never")
        except CallTimeout as error:
            errors.append(str(error))

    outer.ask(ask_busy, block=False, timeout=0.02).get(timeout=HANG)
    gate.open()

    assert len(errors) == 1
    assert "left of the ask being handled" in errors[0]


def test_nobody_is_asked_when_the_time_is_over(start: Any) -> None:
    outer, inner = start(Echo), start(Echo)
    inner.ask("once", timeout=HANG)

    def ask_inner(_: Actor) -> str:
        assert remaining() == 0.0
        with pytest.raises(CallTimeout, match="was not asked: the time of the ask being handled"):
            inner.ask("late")
        return "told"

    assert outer.ask(ask_inner, block=False, timeout=0).get(timeout=HANG) == "told"
    assert inner.handled == 1


def test_what_is_left_stays_known_after_the_reply_was_deferred(start: Any) -> None:
    def defer(actor: Actor) -> None:
        reply = actor.defer_reply()
        reply.set(remaining())

    assert LONG - HANG < start(Echo).ask(defer, timeout=LONG) <= LONG


# -- deferred replies ------------------------------------------------------------------------------


def test_a_deferred_reply_may_come_from_another_actor_long_after(start: Any) -> None:
    desk, clerk = start(Echo), start(Echo)
    answer = desk.ask(lambda actor: clerk.tell(settle(actor.defer_reply())), block=False)
    desk.ask("goes on meanwhile", timeout=HANG)

    assert answer.get(timeout=HANG) == "from the clerk"


def settle(reply: Future[Any]) -> Callable[[Actor], object]:
    return lambda _: reply.set("from the clerk")


def test_who_waits_for_a_deferred_reply_waits_for_no_actor_in_particular(start: Any) -> None:
    """B defers its answer to A, and asks A: no cycle, the answer may come from elsewhere."""
    a, b = start(Echo), start(Echo)
    deferred: list[Future[Any]] = []
    handed = threading.Event()

    def defer_and_ask(actor: Actor) -> None:
        deferred.append(actor.defer_reply())
        handed.set()
        inner.append(a.ask("are you there", timeout=HANG))

    inner: list[Any] = []
    outer = a.ask(lambda _: b.ask(defer_and_ask, timeout=HANG), block=False)
    assert handed.wait(HANG)
    deferred[0].set("from elsewhere")

    assert outer.get(timeout=HANG) == "from elsewhere"
    b.ask("done", timeout=HANG)
    assert inner == ["are you there"]


# -- cycles ----------------------------------------------------------------------------------------


def cycle(members: list[Any], *, asks: Callable[[Any], Any] = lambda member: member) -> CallCycle:
    """Have each member ask the next, and the last the first; return the error of the last."""

    def step(number: int) -> Callable[[Actor], Any]:
        following = members[(number + 1) % len(members)]
        return lambda _: asks(following).ask(step(number + 1), timeout=HANG)

    with pytest.raises(CallCycle) as caught:
        members[0].ask(step(0), timeout=HANG)
    return caught.value


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_cycle_of_asks_is_an_error_that_shows_it(start: Any, size: int) -> None:
    members = [start(Echo) for _ in range(size)]
    error = cycle(members)

    asker = members[-1].label
    assert error.path == (asker, *(member.label for member in members))
    assert " -> ".join(error.path) in str(error)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_cycle_through_names_is_an_error_too(start: Any, size: int) -> None:
    names = Registry("names")
    members = [names.name(number) for number in range(size)]
    for member in members:
        start(Echo, name=member)

    assert cycle(members).path[1:] == tuple(str(number) for number in range(size))


@pytest.mark.parametrize("size", [2, 3])
def test_a_cycle_in_which_all_begin_at_once_is_seen(start: Any, size: int) -> None:
    for _ in range(20):
        members: list[Ref] = [start(Echo) for _ in range(size)]
        together = threading.Barrier(size)

        def ask_next(following: Ref, together: threading.Barrier = together) -> Any:
            def step(_: Actor) -> Any:
                together.wait(HANG)
                return following.ask("you too?", timeout=HANG)

            return step

        answers = [
            member.ask(ask_next(members[(number + 1) % size]), block=False)
            for number, member in enumerate(members)
        ]
        errors = [exception_of(answer) for answer in answers]
        assert any(isinstance(error, CallCycle) for error in errors)
        assert all(error is None or not isinstance(error, CallTimeout) for error in errors)


def exception_of(answer: Future[Any]) -> BaseException | None:
    try:
        answer.get(timeout=HANG)
    except Exception as error:  # noqa: BLE001 - the test looks at it
        return error
    return None


def test_a_cycle_through_a_forwarded_ask_is_seen(start: Any) -> None:
    """A asks B, which hands the ask on to C, which asks A."""
    a, b, c = start(Echo), start(Echo), start(Echo)

    def ask_a(_: Actor) -> Any:
        return a.ask("are you there", timeout=HANG)

    with pytest.raises(CallCycle):
        a.ask(
            lambda _: b.ask(lambda actor: c.forward(ask_a, actor.release_reply()), timeout=HANG),
            timeout=HANG,
        )


def test_an_answer_that_is_there_is_waited_for_no_more(start: Any) -> None:
    """Who has been answered but has not woken up yet may be asked by the one who answered."""
    a, b = start(Echo), start(Echo)
    answered: Future[Any] = Future(b)
    a.waiting_on = answered
    answered.set("here")

    assert b.ask(lambda _: a.ask("next", timeout=HANG), timeout=HANG) == "next"
    a.waiting_on = None


# -- the answer is the exit reason, whatever the moment --------------------------------------------


def ends(ref: Ref, how: str) -> None:
    {"kill": ref.kill, "abandon": ref.abandon}[how]()


HOW = pytest.mark.parametrize("how", ["kill", "abandon"])


def is_dead(answer: Future[Any]) -> bool:
    return isinstance(exception_of(answer), ActorDead)


@HOW
def test_asked_after_the_end(start: Any, how: str) -> None:
    ref = start(Echo)
    ends(ref, how)
    wait_for_exit(ref)

    assert is_dead(ref.ask("late", block=False))


@HOW
def test_waiting_in_the_mailbox(start: Any, how: str) -> None:
    gate, ref = Gate(), start(Echo)
    ref.tell(lambda _: gate.pass_through())
    gate.wait_arrived()
    waiting = ref.ask("waiting", block=False)
    ends(ref, how)
    gate.open()

    assert is_dead(waiting)


@HOW
def test_being_handled(start: Any, how: str) -> None:
    gate, ref = Gate(), start(Echo)
    handled = ref.ask(lambda _: gate.pass_through() or spin(), block=False)
    gate.wait_arrived()
    ends(ref, how)
    gate.open()

    assert is_dead(handled)


def spin() -> None:
    while True:
        pass


@HOW
def test_deferred(start: Any, how: str) -> None:
    ref = start(Echo)
    deferred = ref.ask(lambda actor: actor.defer_reply() and None, block=False)
    ref.ask("it was deferred", timeout=HANG)
    ends(ref, how)

    assert is_dead(deferred)


@HOW
def test_put_aside_by_a_selective_receive(how: str) -> None:
    ref = Echo.start()
    receiving = ref.ask(lambda actor: actor.receive(lambda m: m == "never"), block=False)
    wait_until(lambda: ref.handled == 1)
    aside = ref.ask("put aside", block=False)
    wait_until(lambda: bool(ref.running and ref.running._stash))
    ends(ref, how)

    assert is_dead(aside)
    assert is_dead(receiving)
    wait_for_exit(ref)


@HOW
def test_before_on_start_is_done(start: Any, how: str) -> None:
    gate = Gate()
    ref = start(Slow, gate)
    gate.wait_arrived()
    early = ref.ask("early", block=False)
    ends(ref, how)
    gate.open()

    assert is_dead(early)


def test_taken_from_the_mailbox_by_a_thread_that_lost_its_actor(start: Any) -> None:
    """It is in nobody's hands when the actor is abandoned between taking and handling it."""
    order, ref = Sequencer(), start(Echo)
    ref.ask("runs", timeout=HANG)
    actor = ref.running
    assert actor is not None
    process = actor._process

    def late(item: Any) -> Any:
        with order(0):
            pass
        with order(2):
            pass
        return process(item)

    actor._process = late  # type: ignore[method-assign]
    taken = ref.ask("taken", block=False)
    with order(1):
        ref.abandon()

    assert is_dead(taken)


def test_a_crash_answers_with_its_exception_and_what_waits_with_the_reason(start: Any) -> None:
    gate, ref = Gate(), start(Echo)
    ref.tell(lambda _: gate.pass_through())
    gate.wait_arrived()
    crashed, behind = ref.ask(lambda _: 1 / 0, block=False), ref.ask("behind", block=False)
    gate.open()

    assert isinstance(exception_of(crashed), ZeroDivisionError)
    error = exception_of(behind)
    assert isinstance(error, ActorDead)
    assert isinstance(error.reason, Crashed)
