"""The life of an actor, and the six things that it does not inherit from Pykka."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from supervision import (
    KILLED,
    NORMAL,
    SHUTDOWN,
    Actor,
    ActorDead,
    CallCycle,
    CallTimeout,
    Crashed,
    Exited,
    Future,
    NotSupported,
    Ref,
    Registry,
    Rejection,
    Started,
    Supervisor,
    monitor,
    spawn,
    start_child,
    trace,
    which_children,
)
from supervision.executor import abandoned_threads
from supervision.messages import is_stop
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from supervision.tracing import TraceKind
from tests.supervision.echo import Echo


class Parent(Actor):
    """Keeps what its children tell it."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "told":
            return list(self.told)
        self.told.append(message)
        return None


class Boom(Exception):
    """A crash that a test asked for."""


def boom(_: Actor) -> None:
    raise Boom


def settled(answer: Future[Any]) -> ActorDead | None:
    """Wait for an answer; return the error if that is what it is."""
    try:
        answer.get(timeout=HANG)
    except ActorDead as dead:
        return dead
    return None


@pytest.fixture
def parent() -> Any:
    ref = spawn(Parent)
    yield ref
    ref.stop()


# -- starting ------------------------------------------------------------------------------------


def test_on_start_runs_before_any_message_however_early_it_was_sent(start: Any) -> None:
    gate = Gate()

    class Slow(Echo):
        def on_start(self) -> None:
            gate.pass_through()
            self.ready = True

    ref = start(Slow)
    gate.wait_arrived()
    answer = ref.ask(lambda actor: actor.ready, block=False)
    gate.open()

    assert answer.get(timeout=HANG) is True


def test_a_failing_init_is_raised_in_the_starter_and_starts_nothing() -> None:
    class Unborn(Actor):
        def __init__(self) -> None:
            raise Boom

    with pytest.raises(Boom):
        spawn(Unborn)


def test_the_parent_is_told_once_that_a_start_succeeded(start: Any, parent: Ref) -> None:
    ref = start(Echo, parent=parent)
    ref.ask("a message that is handled after on_start", timeout=HANG)

    assert parent.ask("told", timeout=HANG) == [Started(ref)]


def test_the_parent_is_told_of_a_failing_on_start_and_of_no_start(start: Any, parent: Ref) -> None:
    class Stillborn(Actor):
        def on_start(self) -> None:
            raise Boom

    ref = start(Stillborn, parent=parent)
    reason = wait_for_exit(ref)

    assert isinstance(reason, Crashed)
    assert isinstance(reason.exception, Boom)
    assert parent.ask("told", timeout=HANG) == [Exited(ref, reason)]


# -- answering -------------------------------------------------------------------------------------


def test_an_ask_is_answered_with_what_on_receive_returns(start: Any) -> None:
    assert start(Echo).ask(42, timeout=HANG) == 42


def test_a_rejection_is_an_answer_and_the_actor_lives(start: Any) -> None:
    def refuse(_: Actor) -> None:
        raise Rejection("not today")

    ref = start(Echo)
    with pytest.raises(Rejection, match="not today"):
        ref.ask(refuse, timeout=HANG)

    assert ref.ask("alive", timeout=HANG) == "alive"


def test_a_rejection_of_a_tell_ends_nothing(start: Any) -> None:
    def refuse(_: Actor) -> None:
        raise Rejection("nobody reads this")

    ref = start(Echo)
    ref.tell(refuse)

    assert ref.ask("alive", timeout=HANG) == "alive"


def test_any_other_exception_reaches_the_asker_and_ends_the_actor(start: Any) -> None:
    ref = start(Echo)
    with pytest.raises(Boom):
        ref.ask(boom, timeout=HANG)

    assert isinstance(ref.exit_reason, Crashed)


def test_who_is_told_of_a_crash_finds_that_the_supervisor_knows(start: Any, parent: Ref) -> None:
    """The order of an end is a promise: names free, supervisor told, then the askers."""
    ref = start(Echo, parent=parent)
    with pytest.raises(Boom):
        ref.ask(boom, timeout=HANG)

    assert parent.ask("told", timeout=HANG)[-1] == Exited(ref, ref.exit_reason)


@pytest.mark.parametrize("exception", [SystemExit(3), KeyboardInterrupt(), BaseException("bare")])
def test_a_base_exception_is_this_actors_crash_and_nobody_elses(
    start: Any, exception: BaseException
) -> None:
    bystander, ref = start(Echo), start(Echo)

    def leave(_: Actor) -> None:
        raise exception

    ref.tell(leave)

    assert wait_for_exit(ref) == Crashed(exception)
    assert bystander.ask("alive", timeout=HANG) == "alive"


def test_messages_behind_a_crash_are_answered_with_its_reason(start: Any) -> None:
    gate = Gate()
    ref = start(Echo)
    ref.tell(lambda _: gate.pass_through())
    gate.wait_arrived()
    ref.tell(boom)
    waiting = [ref.ask(n, block=False) for n in range(3)]
    gate.open()

    for answer in waiting:
        with pytest.raises(ActorDead) as caught:
            answer.get(timeout=HANG)
        assert isinstance(caught.value.reason, Crashed)


def test_an_ask_that_races_the_end_is_always_answered(start: Any) -> None:
    for _ in range(300):
        ref = start(Echo)
        barrier = threading.Barrier(2)
        answers: list[Future[Any]] = []

        def ask(ref: Ref = ref, barrier: Any = barrier, answers: Any = answers) -> None:
            barrier.wait(HANG)
            answers.extend(ref.ask(n, block=False) for n in range(3))

        asker = threading.Thread(target=ask)
        asker.start()
        barrier.wait(HANG)
        ref.stop(block=False)
        asker.join(HANG)
        for answer in answers:
            outcome = settled(answer)
            assert outcome is None or outcome.reason == NORMAL


def test_asking_an_actor_that_has_ended_fails_with_its_reason(start: Any) -> None:
    ref = start(Echo)
    ref.stop()

    with pytest.raises(ActorDead, match="normal"):
        ref.ask("anybody?")
    with pytest.raises(ActorDead, match="normal"):
        ref.tell("anybody?")


def test_an_ask_gives_up_after_its_timeout(start: Any) -> None:
    gate = Gate()
    ref = start(Echo)
    ref.tell(lambda _: gate.pass_through())

    with pytest.raises(CallTimeout):
        ref.ask("too late", timeout=0.01)
    gate.open()


def test_an_answer_given_in_the_middle_of_a_hook_is_the_answer(start: Any) -> None:
    gate, ref = Gate(), start(Echo)

    def answer_and_go_on(actor: Actor) -> str:
        actor.reply("early")
        gate.pass_through()
        return "late"

    assert ref.ask(answer_and_go_on, timeout=HANG) == "early"
    gate.open()
    assert ref.ask("next", timeout=HANG) == "next"


@pytest.mark.parametrize("end", [Ref.kill, boom], ids=["kill", "crash"])
def test_an_answer_that_was_given_is_kept_when_the_actor_ends_over_it(start: Any, end: Any) -> None:
    ref = start(Echo)
    answer = ref.ask(lambda actor: (actor.reply("done"), end(ref)), block=False)
    wait_for_exit(ref)

    assert answer.get(timeout=HANG) == "done"


def test_an_exception_may_be_the_answer_and_no_crash(start: Any) -> None:
    ref = start(Echo)
    with pytest.raises(Boom):
        ref.ask(lambda actor: actor.reply_exception(Boom()), timeout=HANG)

    assert ref.ask("it lives", timeout=HANG) == "it lives"


def test_who_left_the_answer_to_another_or_was_told_answers_nobody(start: Any) -> None:
    kept: list[Future[Any]] = []
    ref = start(Echo)
    ref.tell(lambda actor: (actor.reply("nobody"), actor.reply_exception(Boom())))
    answer = ref.ask(
        lambda actor: (kept.append(actor.defer_reply()), actor.reply("too soon")), block=False
    )
    ref.ask("it was deferred", timeout=HANG)
    kept[0].set("in time")

    assert answer.get(timeout=HANG) == "in time"


def test_a_deferred_answer_may_come_from_elsewhere(start: Any) -> None:
    kept: list[Future[Any]] = []
    ref = start(Echo)
    answer = ref.ask(lambda actor: kept.append(actor.defer_reply()), block=False)
    ref.ask("the deferring has been handled", timeout=HANG)
    assert not answer.done()
    kept[0].set("later")

    assert answer.get(timeout=HANG) == "later"


def test_a_deferred_answer_is_the_exit_reason_when_the_actor_ends_first(start: Any) -> None:
    ref = start(Echo)
    answer = ref.ask(lambda actor: actor.defer_reply(), block=False)
    ref.stop()

    with pytest.raises(ActorDead, match="normal"):
        answer.get(timeout=HANG)


def test_a_released_answer_outlives_the_actor(start: Any) -> None:
    kept: list[Future[Any]] = []
    ref = start(Echo)
    answer = ref.ask(lambda actor: kept.append(actor.release_reply()), block=False)
    ref.stop()
    kept[0].set("from the heir")

    assert answer.get(timeout=HANG) == "from the heir"


# -- cycles ----------------------------------------------------------------------------------------


def test_an_actor_that_asks_itself_gets_the_cycle_and_does_not_hang(start: Any) -> None:
    ref = start(Echo)
    with pytest.raises(CallCycle, match="->"):
        ref.ask(lambda actor: actor.actor_ref.ask("me"), timeout=HANG)


def test_a_cycle_through_another_actor_is_an_error_too(start: Any) -> None:
    first, second = start(Echo), start(Echo)
    with pytest.raises(CallCycle) as caught:
        first.ask(lambda _: second.ask(lambda _: first.ask("round")), timeout=HANG)

    assert len(caught.value.path) == 3


# -- ending ----------------------------------------------------------------------------------------


def test_a_stop_lets_earlier_messages_be_handled_first(start: Any) -> None:
    seen: list[int] = []
    ref = start(Echo)
    for n in range(5):
        ref.tell(lambda _, n=n: seen.append(n))
    assert ref.stop() is True

    assert seen == [0, 1, 2, 3, 4]


def test_is_alive_is_true_until_on_stop_is_done(start: Any) -> None:
    seen: list[bool] = []

    class Careful(Echo):
        def on_stop(self) -> None:
            seen.append(self.actor_ref.is_alive())

    ref = start(Careful)
    ref.stop()

    assert seen == [True]
    assert not ref.is_alive()


def test_a_shutdown_ends_with_the_reason_that_was_given(start: Any) -> None:
    ref = start(Echo)
    ref.shutdown()

    assert wait_for_exit(ref) == SHUTDOWN


def test_exit_ends_after_the_message_that_called_it(start: Any) -> None:
    ref = start(Echo)
    assert ref.ask(lambda actor: actor.exit(SHUTDOWN) or "done", timeout=HANG) == "done"

    assert wait_for_exit(ref) == SHUTDOWN


def test_a_failing_on_stop_is_the_reason_of_the_end(start: Any) -> None:
    class Clumsy(Echo):
        def on_stop(self) -> None:
            raise Boom

    ref = start(Clumsy)
    ref.stop()

    assert isinstance(ref.exit_reason, Crashed)


def test_on_failure_runs_on_a_crash_and_on_stop_does_not(start: Any) -> None:
    ran: list[str] = []

    class Fallible(Echo):
        def on_stop(self) -> None:
            ran.append("on_stop")

        def on_failure(self, *_: Any) -> None:
            ran.append("on_failure")

    ref = start(Fallible)
    ref.tell(boom)
    wait_for_exit(ref)

    assert ran == ["on_failure"]


# -- killing ---------------------------------------------------------------------------------------


def test_a_kill_ends_an_actor_in_the_middle_of_a_message(start: Any) -> None:
    entered = threading.Event()

    def spin(_: Actor) -> None:
        entered.set()
        while True:
            pass

    ref = start(Echo)
    answer = ref.ask(spin, block=False)
    entered.wait(HANG)
    ref.kill()

    assert wait_for_exit(ref) == KILLED
    with pytest.raises(ActorDead, match="killed"):
        answer.get(timeout=HANG)


def test_a_kill_ends_an_idle_actor(start: Any) -> None:
    ref = start(Echo)
    ref.ask("it is idle now", timeout=HANG)
    ref.kill()

    assert wait_for_exit(ref) == KILLED


def test_a_kill_ends_an_actor_that_waits_for_an_answer(start: Any) -> None:
    gate = Gate()
    busy, waiting = start(Echo), start(Echo)
    busy.tell(lambda _: gate.pass_through())
    entered = threading.Event()
    waiting.tell(lambda _: entered.set() or busy.ask("never"))
    entered.wait(HANG)
    waiting.kill()

    assert wait_for_exit(waiting) == KILLED
    gate.open()


def test_a_kill_never_hits_another_actor_of_the_same_thread(start: Any) -> None:
    """A late kill would crash a bystander that the pool runs next."""
    bystander = start(Echo)
    for _ in range(300):
        victim = start(Echo)
        victim.tell("work")
        victim.kill()
        assert bystander.ask("alive", timeout=HANG) == "alive"
        assert wait_for_exit(victim) == KILLED


def test_killing_a_sender_never_strands_the_receiver(start: Any) -> None:
    """Between putting a message and waking its reader there is a step to be killed in."""
    receiver = start(Echo)

    def flood(_: Actor) -> None:
        while True:
            receiver.tell("noise")

    for _ in range(20):
        sender = start(Echo)
        sender.tell(flood)
        wait_until(lambda ref=sender: ref.handled > 0)
        sender.kill()
        assert wait_for_exit(sender) == KILLED
        assert receiver.ask("heard", timeout=HANG) == "heard"


def test_killing_who_answers_never_leaves_the_asker_waiting(start: Any) -> None:
    """A future that is settled by somebody who is killed meanwhile still calls back, or fails."""

    def answer_all(_: Actor) -> None:
        for future in futures:
            future.try_set("answered")

    for _ in range(20):
        futures: list[Future[Any]] = [Future() for _ in range(2_000)]
        called: list[Future[Any]] = []
        for future in futures:
            future.add_done_callback(called.append)
        answerer = start(Echo)
        answerer.tell(answer_all)
        wait_until(lambda f=futures: f[10].done())
        answerer.kill()
        wait_for_exit(answerer)
        assert called == [future for future in futures if future.done()]


def test_an_actor_stuck_outside_python_can_be_abandoned(start: Any, parent: Ref) -> None:
    """Its thread cannot be ended: it is counted until it ends by itself."""
    release = threading.Lock()
    release.acquire()
    entered = threading.Event()
    ref = start(Echo, parent=parent)
    answer = ref.ask(lambda _: entered.set() or release.acquire(), block=False)
    entered.wait(HANG)
    ref.abandon()

    with pytest.raises(ActorDead, match="abandoned"):
        answer.get(timeout=HANG)
    assert len(abandoned_threads()) == 1
    release.release()
    wait_until(lambda: not abandoned_threads(), what="the abandoned thread to end")
    told = parent.ask("told", timeout=HANG)
    assert [type(message) for message in told].count(Exited) == 1


class Early(Actor):
    """Has started before its `on_start` is done; crashes in the rest of it if told to."""

    def __init__(self, rest: Callable[[], object]) -> None:
        super().__init__()
        self.rest = rest

    def on_start(self) -> None:
        self.acknowledge_start()
        self.acknowledge_start()
        self.rest()

    def on_receive(self, message: Any) -> Any:
        return message


def test_a_start_that_is_acknowledged_early_is_not_waited_for_and_messages_wait() -> None:
    gate, root = Gate(), Supervisor.start()
    ref = start_child(root, Early.child_spec(gate.pass_through, id="early"), timeout=HANG)
    gate.wait_arrived()
    answer = ref.ask("hello", block=False)
    assert not answer.done()
    gate.open()

    assert answer.get(timeout=HANG) == "hello"
    root.stop()


def test_a_start_that_is_acknowledged_early_is_told_once() -> None:
    parent = spawn(Parent)
    ref = spawn(Early, (lambda: None,), parent=parent)
    assert ref.ask("hello", timeout=HANG) == "hello"
    ref.stop()

    assert [type(one) for one in parent.ask("told", timeout=HANG)] == [Started, Exited]
    parent.stop()


def test_a_crash_behind_the_acknowledgement_is_no_start_that_failed() -> None:
    crashes = [Boom()]

    def once() -> None:
        if crashes:
            raise crashes.pop()

    root = Supervisor.start()
    ref = start_child(root, Early.child_spec(once, id="early"), timeout=HANG)
    assert isinstance(wait_for_exit(ref), Crashed)
    wait_until(lambda: which_children(root)[0].ref not in (None, ref))
    root.stop()


def stuck_in_a_callback(ref: Ref, gate: Gate) -> None:
    handling = Gate()
    answer = ref.ask(lambda _: handling.pass_through(), block=False)
    handling.wait_arrived()
    answer.add_done_callback(lambda _: gate.pass_through())
    handling.open()


def stuck_in_a_trace(ref: Ref, gate: Gate) -> None:
    trace(ref, lambda event: gate.pass_through() if event.kind is TraceKind.IN else None)
    ref.tell("traced")


def stuck_in_a_listener(ref: Ref, gate: Gate) -> None:
    names = Registry("names")
    names.register("stuck", ref)
    names.add_listener(lambda _: gate.pass_through())
    ref.shutdown()


def stuck_in_a_monitor(ref: Ref, gate: Gate) -> None:
    monitor(ref, lambda _: gate.pass_through())
    ref.shutdown()


@pytest.mark.parametrize(
    "stick", [stuck_in_a_callback, stuck_in_a_trace, stuck_in_a_listener, stuck_in_a_monitor]
)
def test_a_thread_that_is_stuck_in_anothers_code_is_counted(start: Any, stick: Any) -> None:
    """Outside of the actor's hooks: in what others have asked it to call."""
    ref, gate = start(Echo), Gate()
    ref.ask("it runs", timeout=HANG)
    stick(ref, gate)
    gate.wait_arrived()
    ref.abandon()
    ref.abandon()

    assert len(abandoned_threads()) == 1
    gate.open()
    wait_until(lambda: not abandoned_threads(), what="the thread to come back")


# -- receiving -------------------------------------------------------------------------------------


def test_a_selective_receive_leaves_other_messages_in_their_order() -> None:
    seen: list[Any] = []

    class Choosy(Actor):
        def on_receive(self, message: Any) -> Any:
            if message == "choose":
                seen.append(self.receive(lambda item: item == "that", timeout=HANG))
            else:
                seen.append(message)

    ref = spawn(Choosy)
    for message in ("choose", 1, 2, "that", 3):
        ref.tell(message)
    ref.stop()

    assert seen == ["that", 1, 2, 3]


def test_a_receive_of_what_is_new_does_not_look_again_at_what_waits() -> None:
    looked_at: list[Any] = []

    def look(message: Any) -> bool:
        looked_at.append(message)
        return message == 3

    def work(actor: Any) -> Any:
        actor.actor_ref.tell(1)
        with pytest.raises(CallTimeout):
            actor.receive(look, timeout=0)
        actor.actor_ref.tell(2)
        actor.actor_ref.tell(3)
        found = actor.receive(look, timeout=0, only_new=True)
        with pytest.raises(CallTimeout):
            actor.receive(look, timeout=0, only_new=True)
        return found

    ref = spawn(Echo)
    assert ref.ask(work, timeout=HANG) == 3
    assert looked_at == [1, 2, 3]
    ref.stop()


@pytest.mark.parametrize("to_end", [Ref.shutdown, partial(Ref.stop, block=False)])
def test_an_actor_that_is_long_at_something_sees_that_it_is_to_end(to_end: Any) -> None:
    gate = Gate()

    def long_at_it(actor: Any) -> str:
        gate.pass_through()
        actor.actor_ref.signal(actor.receive(is_stop, timeout=HANG, system=True))
        return "left off"

    ref = spawn(Echo)
    answer = ref.ask(long_at_it, block=False)
    gate.wait_arrived()
    ref.tell("something else")
    to_end(ref)
    gate.open()
    assert answer.get(timeout=HANG) == "left off"
    assert wait_for_exit(ref) in (NORMAL, SHUTDOWN)


def test_a_selective_receive_gives_up_after_its_timeout() -> None:
    ref = spawn(Echo)
    with pytest.raises(CallTimeout):
        ref.ask(lambda actor: actor.receive(lambda _: False, timeout=0.01), timeout=HANG)
    wait_for_exit(ref)


def test_a_selective_receive_is_refused_on_a_shared_pool() -> None:
    from supervision import POOLED

    ref = spawn(Echo, dispatcher=POOLED)
    with pytest.raises(NotSupported):
        ref.ask(lambda actor: actor.receive(bool), timeout=HANG)


def test_take_waiting_stops_at_what_does_not_match_and_leaves_it_there() -> None:
    gate, taken = Gate(), []

    def take(actor: Actor) -> None:
        gate.pass_through()
        told = actor.take_waiting(10, lambda envelope: envelope.reply_to is None)
        taken.extend(envelope.message for envelope in told)

    ref = spawn(Echo)
    ref.tell(take)
    gate.wait_arrived()
    ref.tell("first")
    answer = ref.ask("second", block=False)
    ref.tell("third")
    gate.open()

    assert answer.get(timeout=HANG) == "second"
    assert taken == ["first"]
    ref.stop(timeout=HANG)


def test_take_waiting_takes_what_is_there_and_stops_at_a_shutdown() -> None:
    gate, taken = Gate(), []

    def take(actor: Actor) -> None:
        gate.pass_through()
        taken.extend(envelope.message for envelope in actor.take_waiting(10))

    ref = spawn(Echo)
    ref.tell(take)
    gate.wait_arrived()
    ref.tell("first")
    answer = ref.ask("second", block=False)
    ref.shutdown()
    ref.tell("after")
    gate.open()

    assert wait_for_exit(ref) == SHUTDOWN
    assert taken == ["first", "second"]
    with pytest.raises(ActorDead):  # whoever takes an ask and does not answer it
        answer.get(timeout=HANG)


def test_an_actor_may_act_when_no_message_came_for_a_while() -> None:
    timed_out = threading.Event()

    class Bored(Actor):
        receive_timeout = 0.001

        def on_timeout(self) -> None:
            timed_out.set()

    ref = spawn(Bored)
    assert timed_out.wait(HANG)
    ref.stop()
