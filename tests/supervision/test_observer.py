"""Looking inside actors while they run, the stuck ones included."""

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest
import structlog

from supervision import (
    KILLED,
    NORMAL,
    POOLED,
    SHUTDOWN,
    Actor,
    ActorDead,
    CallTimeout,
    DynamicSupervisor,
    Future,
    ManualClock,
    Name,
    NoProcess,
    Pool,
    Ref,
    Registry,
    Supervisor,
    TopBy,
    TraceEvent,
    TraceKind,
    child_spec,
    get_state,
    resume,
    spawn,
    start_child,
    statistics,
    suspend,
    telemetry,
    top,
    trace,
    tree,
)
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from supervision.testing_children import Fail, Script
from supervision.tracing import senders
from tests.supervision.echo import Recorder


@pytest.fixture(params=["by ref", "by name"])
def address(request: pytest.FixtureRequest, start: Any) -> Ref | Name:
    """An actor, as it may be given to all functions here."""
    if request.param == "by ref":
        ref: Ref = start(Recorder)
        return ref
    name = Registry("names").name("echo")
    start(Recorder, name=name)
    return name


def held_at(gate: Gate, ref: Ref | Name) -> None:
    """Make the actor busy until the gate opens."""
    ref.tell(lambda _: gate.pass_through())
    gate.wait_arrived()


# -- state -----------------------------------------------------------------------------------------


def test_the_state_is_the_actors_own_attributes(address: Ref | Name) -> None:
    address.tell("first")

    assert get_state(address, timeout=HANG) == {"seen": ["first"]}


def test_an_actor_may_say_what_it_shows(start: Any) -> None:
    class Discreet(Recorder):
        def inspect(self) -> Any:
            return len(self.seen)

    ref = start(Discreet)
    ref.tell("first")

    assert get_state(ref, timeout=HANG) == 1


def test_a_failing_inspect_is_an_answer_and_no_crash(start: Any) -> None:
    class Shy(Recorder):
        def inspect(self) -> Any:
            raise LookupError("not for you")

    ref = start(Shy)
    with pytest.raises(LookupError, match="not for you"):
        get_state(ref, timeout=HANG)

    assert ref.ask("alive", timeout=HANG) == "alive"


def test_the_state_of_a_busy_actor_is_not_waited_for_longer_than_that(start: Any) -> None:
    gate, ref = Gate(), start(Recorder)
    held_at(gate, ref)
    with pytest.raises(CallTimeout):
        get_state(ref, timeout=0.01)
    gate.open()


def test_looking_inside_is_not_counted_among_the_messages(start: Any) -> None:
    ref = start(Recorder)
    ref.ask("one", timeout=HANG)
    get_state(ref, timeout=HANG)
    suspend(ref, timeout=HANG)
    resume(ref, timeout=HANG)
    get_state(ref, timeout=HANG)

    wait_until(lambda: ref.handled == 1)


# -- suspension ------------------------------------------------------------------------------------


def test_a_suspended_actor_handles_nothing_until_it_is_resumed(address: Ref | Name) -> None:
    suspend(address, timeout=HANG)
    for n in range(300):  # more than one turn's worth
        address.tell(n)
    answer = address.ask("last", block=False)
    assert get_state(address, timeout=HANG) == {"seen": []}
    assert statistics(address).suspended
    wait_until(lambda: statistics(address).mailbox == 301)
    resume(address, timeout=HANG)

    assert answer.get(timeout=HANG) == "last"
    assert get_state(address, timeout=HANG) == {"seen": [*range(300), "last"]}
    assert not statistics(address).suspended


def test_what_was_sent_before_a_suspension_is_handled_before_it(start: Any) -> None:
    ref = start(Recorder)
    for n in range(10):
        ref.tell(n)
    suspend(ref, timeout=HANG)

    assert get_state(ref, timeout=HANG) == {"seen": list(range(10))}
    resume(ref, timeout=HANG)


def test_suspending_twice_is_suspending_once(start: Any) -> None:
    ref = start(Recorder)
    suspend(ref, timeout=HANG)
    suspend(ref, timeout=HANG)
    resume(ref, timeout=HANG)

    assert ref.ask("running", timeout=HANG) == "running"
    resume(ref, timeout=HANG)
    assert ref.ask("running", timeout=HANG) == "running"


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda ref: ref.shutdown(), SHUTDOWN),
        (lambda ref: ref.stop(block=False), NORMAL),
        (lambda ref: ref.exit(SHUTDOWN), SHUTDOWN),
        (lambda ref: ref.kill(), KILLED),
    ],
    ids=["shutdown", "stop", "exit", "kill"],
)
def test_a_suspended_actor_can_be_ended(start: Any, end: Any, reason: Any) -> None:
    ref = start(Recorder)
    suspend(ref, timeout=HANG)
    answer = ref.ask("held back", block=False)
    end(ref)

    assert wait_for_exit(ref) == reason
    with pytest.raises(ActorDead):
        answer.get(timeout=HANG)


def test_a_suspended_actor_keeps_what_its_children_tell_it() -> None:
    """A supervisor restarts nothing meanwhile, and does it when it is resumed."""
    script = Script()
    root = Supervisor.start([script.spec()])
    child = script.wait_started()
    suspend(root, timeout=HANG)
    child.tell(Fail(RuntimeError()))
    wait_for_exit(child)
    assert get_state(root, timeout=HANG)
    assert script.attempts == 1
    resume(root, timeout=HANG)

    assert script.wait_started() is not child
    assert root.stop() is True


def test_a_suspended_supervisor_can_be_stopped() -> None:
    script = Script()
    root = Supervisor.start([script.spec()])
    child = script.wait_started()
    suspend(root, timeout=HANG)
    child.tell(Fail(RuntimeError()))
    wait_for_exit(child)
    root.shutdown()

    assert wait_for_exit(root) == SHUTDOWN
    assert script.attempts == 1


def test_a_suspended_actor_does_not_time_out() -> None:
    timed_out = threading.Event()

    class Bored(Recorder):
        def on_receive(self, message: Any) -> Any:
            self.receive_timeout = 0.001
            return super().on_receive(message)

        def on_timeout(self) -> None:
            timed_out.set()

    ref = spawn(Bored)
    gate = Gate()
    held_at(gate, ref)
    answer = ref.ask(lambda _: timed_out.is_set(), block=False)
    suspended = threading.Thread(target=suspend, args=(ref,))
    suspended.start()
    gate.open()
    suspended.join(HANG)
    before = answer.get(timeout=HANG)
    for n in range(10):
        get_state(ref, timeout=HANG)
        ref.tell(n)

    assert before is False
    assert not timed_out.is_set()
    resume(ref, timeout=HANG)
    assert timed_out.wait(HANG)
    ref.stop()


def test_a_suspended_pooled_actor_takes_no_thread() -> None:
    pool = Pool(1, "test-pool")
    ref, other = spawn(Recorder, dispatcher=pool), spawn(Recorder, dispatcher=pool)
    suspend(ref, timeout=HANG)
    ref.tell("held back")
    wait_until(lambda: not ref.has_work(), what="the message to be held back")

    assert other.ask("running", timeout=HANG) == "running"
    assert not ref.has_work()
    ref.kill()
    other.stop()
    wait_for_exit(ref)
    pool.close()


def test_take_waiting_on_a_pool_loses_no_request_to_stop() -> None:
    gate, taken = Gate(), []

    def take(actor: Actor) -> None:
        gate.pass_through()
        taken.extend(envelope.message for envelope in actor.take_waiting(10))

    ref = spawn(Recorder, dispatcher=POOLED)
    ref.tell(take)
    gate.wait_arrived()
    ref.tell("first")
    ref.shutdown()
    gate.open()

    assert wait_for_exit(ref) == SHUTDOWN
    assert taken == ["first"]


def test_a_suspension_that_races_a_shutdown_ends_in_order(start: Any) -> None:
    for _ in range(100):
        ref = start(Recorder)
        barrier = threading.Barrier(2)
        outcome: list[Any] = []

        def hold(ref: Ref = ref, barrier: Any = barrier, outcome: Any = outcome) -> None:
            barrier.wait(HANG)
            try:
                suspend(ref, timeout=HANG)
                outcome.append("suspended")
            except ActorDead as dead:
                outcome.append(dead.reason)

        suspending = threading.Thread(target=hold)
        suspending.start()
        barrier.wait(HANG)
        ref.shutdown()
        suspending.join(HANG)
        assert wait_for_exit(ref) == SHUTDOWN
        assert outcome[0] in ("suspended", SHUTDOWN)


# -- statistics ------------------------------------------------------------------------------------


def test_statistics_tell_what_an_actor_has_done(address: Ref | Name) -> None:
    for n in range(10):
        address.tell(n)
    address.ask("last", timeout=HANG)
    wait_until(lambda: statistics(address).current is None, what="it to wait again")
    told = statistics(address)

    assert (told.actor_class, told.handled, told.mailbox) == ("Recorder", 11, 0)
    assert told.alive
    assert told.started_at is not None
    assert (told.current_seconds, told.thread) == (0.0, None)
    assert (told.restarts, told.last_crash) == (0, None)


def test_a_stuck_actor_is_read_from_outside(start: Any) -> None:
    class Work:
        """A message."""

        def __call__(self, _: Actor) -> None:
            gate.pass_through()

    gate, ref = Gate(), start(Recorder)
    ref.tell(Work())
    gate.wait_arrived()
    ref.tell("behind it")
    first, second = statistics(ref), statistics(ref)
    gate.open()

    assert (first.current, first.mailbox) == ("Work", 1)
    assert first.thread is not None
    assert 0 < first.current_seconds < second.current_seconds
    assert 0 < first.busy < second.busy


def test_an_actor_stuck_in_on_start_is_read_from_outside(start: Any) -> None:
    gate = Gate()

    class Slow(Recorder):
        def on_start(self) -> None:
            gate.pass_through()

    ref = start(Slow)
    gate.wait_arrived()
    told = statistics(ref)
    gate.open()

    assert (told.current, told.handled) == ("on_start", 0)


def test_the_current_message_of_an_ask_is_the_message(start: Any) -> None:
    gate, ref = Gate(), start(Recorder)
    answer = ref.ask(lambda _: gate.pass_through(), block=False)
    gate.wait_arrived()

    assert statistics(ref).current == "function"
    gate.open()
    answer.get(timeout=HANG)


def test_time_busy_is_what_was_spent_on_messages_and_not_between_them(start: Any) -> None:
    gate, ref = Gate(), start(Recorder)
    held_at(gate, ref)
    wait_until(lambda: statistics(ref).current_seconds > 0.002)
    gate.open()
    wait_until(lambda: statistics(ref).current is None)
    busy = statistics(ref).busy

    assert busy > 0.002
    assert statistics(ref).busy == busy  # it waits: nothing is added


def test_the_longest_mailbox_is_remembered(start: Any) -> None:
    gate, ref = Gate(), start(Recorder)
    held_at(gate, ref)
    for n in range(500):
        ref.tell(n)
    gate.open()
    ref.ask("last", timeout=HANG)

    assert statistics(ref).longest_mailbox > 300


def test_statistics_tell_of_restarts_and_the_last_crash_with_its_traceback() -> None:
    script = Script()
    dynamic = DynamicSupervisor.start(clock=ManualClock())
    static = Supervisor.start([script.spec()], clock=ManualClock())
    for supervisor in (static, dynamic):
        if supervisor is dynamic:
            start_child(dynamic, script.spec())
        first = script.wait_started()
        first.tell(Fail(RuntimeError("disk on fire")))
        second = script.wait_started()
        wait_until(lambda ref=second: statistics(ref).restarts == 1, what="it to be booked")
        told = statistics(second)
        supervisor.stop()

        assert told.last_crash is not None
        assert "disk on fire" in str(told.last_crash.reason)
        assert "Traceback" in str(told.last_crash.traceback)


def test_statistics_of_one_that_has_ended(start: Any) -> None:
    ref = start(Recorder)
    ref.ask("one", timeout=HANG)
    ref.stop()
    told = statistics(ref)

    assert (told.alive, told.current, told.mailbox) == (False, None, 0)
    assert told.handled == 2


def test_nobody_has_no_statistics() -> None:
    with pytest.raises(NoProcess):
        statistics(Registry("names").name("nobody"))


def test_top_finds_those_who_have_the_most(start: Any) -> None:
    scripts = [Script(name) for name in ("idle", "busy", "full")]
    root = Supervisor.start([script.spec() for script in scripts])
    _, busy, full = (script.wait_started() for script in scripts)
    for n in range(100):
        busy.ask(n, timeout=HANG)
    suspend(full, timeout=HANG)
    for n in range(5):
        full.tell(n)

    assert top(root, by=TopBy.HANDLED, count=1)[0].handled == 100
    assert [one.mailbox for one in top(tree(root), by=TopBy.MAILBOX, count=2)] == [5, 0]
    most, *others = top(root, by=TopBy.BUSY)
    assert len(others) == 3
    assert all(one.busy <= most.busy for one in others)
    root.stop()


# -- traces ----------------------------------------------------------------------------------------


def test_a_trace_tells_what_comes_in_goes_out_is_answered_and_the_end(
    start: Any, address: Ref | Name
) -> None:
    events: queue.SimpleQueue[TraceEvent] = queue.SimpleQueue()
    other = start(Recorder)
    ref = address.ref() if isinstance(address, Name) else address
    trace(address, events.put)

    def pass_on(_: Actor) -> str:
        other.tell("out")
        return "done"

    address.ask(pass_on, timeout=HANG)
    ref.stop()
    told = [events.get(timeout=HANG) for _ in range(5)]

    assert [(event.kind, event.other) for event in told] == [
        (TraceKind.IN, None),
        (TraceKind.OUT, other),
        (TraceKind.REPLY, None),
        (TraceKind.IN, None),  # Pykka's request to stop
        (TraceKind.EXIT, None),
    ]
    messages = [event.message for event in told]
    assert (messages[:3], messages[4]) == ([pass_on, "out", "done"], NORMAL)
    assert all(event.ref is ref for event in told)
    assert [event.at for event in told] == sorted(event.at for event in told)


def test_a_deferred_answer_is_traced_when_it_comes(start: Any) -> None:
    events: list[TraceEvent] = []
    kept: list[Future[Any]] = []
    ref = start(Recorder)
    trace(ref, events.append)
    answer = ref.ask(lambda actor: kept.append(actor.defer_reply()), block=False)
    wait_until(lambda: bool(kept))
    kept[0].set("later")
    answer.get(timeout=HANG)

    assert [event.message for event in events if event.kind is TraceKind.REPLY] == ["later"]


def test_a_trace_that_was_ended_tells_nothing(start: Any) -> None:
    events: list[TraceEvent] = []
    ref = start(Recorder)
    end = trace(ref, events.append)
    ref.ask("traced", timeout=HANG)
    end()
    end()
    ref.ask("not traced", timeout=HANG)
    ref.stop()

    assert [event.message for event in events] == ["traced", "traced"]
    assert ref not in senders
    assert ref.traces == ()


def test_two_traces_of_one_actor_are_told_both(start: Any) -> None:
    first: list[Any] = []
    second: list[Any] = []
    ref = start(Recorder)
    end = trace(ref, first.append)
    trace(ref, second.append)
    ref.ask("both", timeout=HANG)
    end()
    ref.ask("one", timeout=HANG)

    assert len(first) == 2
    assert len(second) == 4


def test_a_trace_of_one_that_has_ended_tells_its_end(start: Any) -> None:
    events: list[TraceEvent] = []
    ref = start(Recorder)
    ref.stop()
    trace(ref, events.append)

    assert [(event.kind, event.message) for event in events] == [(TraceKind.EXIT, NORMAL)]
    assert ref not in senders


def test_a_trace_handler_that_fails_is_called_once_and_harms_nobody(start: Any) -> None:
    calls: list[TraceEvent] = []

    def fail(event: TraceEvent) -> None:
        calls.append(event)
        raise RuntimeError

    ref = start(Recorder)
    trace(ref, fail)

    assert ref.ask("alive", timeout=HANG) == "alive"
    assert ref.ask("still", timeout=HANG) == "still"
    assert len(calls) == 1


def test_what_a_trace_handler_sends_is_not_traced(start: Any) -> None:
    collector, other, ref = start(Recorder), start(Recorder), start(Recorder)
    trace(ref, collector.tell)
    ref.ask(lambda _: other.tell("out"), timeout=HANG)
    ref.stop()
    wait_until(lambda: len(get_state(collector, timeout=HANG)["seen"]) == 5)


def test_messages_of_a_selective_receive_are_traced() -> None:
    events: list[TraceEvent] = []
    ref = spawn(Recorder)
    trace(ref, events.append)
    answer = ref.ask(lambda actor: actor.receive(lambda item: item == "that"), block=False)
    ref.tell("this")
    ref.tell("that")
    answer.get(timeout=HANG)
    ref.stop()

    received = [event.message for event in events if event.kind is TraceKind.IN]
    assert received[1:3] == ["that", "this"]


def test_a_trace_that_races_the_end_tells_the_end_once(start: Any) -> None:
    for _ in range(100):
        events: list[TraceEvent] = []
        ref = start(Recorder)
        barrier = threading.Barrier(2)
        ending = threading.Thread(target=lambda r=ref, b=barrier: (b.wait(HANG), r.shutdown()))
        ending.start()
        barrier.wait(HANG)
        trace(ref, events.append)
        ending.join(HANG)
        wait_for_exit(ref)
        wait_until(lambda ref=ref: ref not in senders)
        assert [event.kind for event in events].count(TraceKind.EXIT) == 1


def test_ending_a_trace_that_races_the_end_tells_it_at_most_once(start: Any) -> None:
    for _ in range(100):
        events: list[TraceEvent] = []
        ref = start(Recorder)
        end = trace(ref, events.append)
        barrier = threading.Barrier(2)
        ending = threading.Thread(target=lambda r=ref, b=barrier: (b.wait(HANG), r.shutdown()))
        ending.start()
        barrier.wait(HANG)
        end()
        ending.join(HANG)
        wait_for_exit(ref)
        assert [event.kind for event in events].count(TraceKind.EXIT) <= 1
        assert ref not in senders


def test_by_default_a_trace_is_logged(start: Any) -> None:
    logged: list[dict[str, Any]] = []

    class Logger:
        def info(self, **fields: Any) -> None:
            logged.append(fields)

    structlog.configure(processors=[], logger_factory=lambda *_: Logger())
    ref = start(Recorder)
    end = trace(ref)
    ref.ask("hello", timeout=HANG)
    end()

    assert [(one["event"], one["kind"], one["message"]) for one in logged] == [
        ("actor.trace", "in", "'hello'"),
        ("actor.trace", "reply", "'hello'"),
    ]


# -- the tree --------------------------------------------------------------------------------------


def test_the_tree_shows_who_is_suspended_and_what_waits() -> None:
    script = Script("journal")
    root = Supervisor.start([script.spec()])
    ref = script.wait_started()
    suspend(ref, timeout=HANG)
    ref.tell("held back")
    wait_until(lambda: ref.mailbox_length() == 0)
    node = tree(root).find("journal")

    assert node is not None
    assert (node.suspended, node.mailbox) == (True, 1)
    resume(ref, timeout=HANG)
    root.stop()


def test_suspending_and_resuming_are_told_to_telemetry(start: Any) -> None:
    heard: list[str] = []
    ref = start(Recorder)
    ref.ask("running", timeout=HANG)
    detach = telemetry.attach(
        lambda event, fields: heard.append(event) if fields.get("ref") is ref else None
    )
    suspend(ref, timeout=HANG)
    resume(ref, timeout=HANG)
    detach()

    assert heard == [telemetry.ACTOR_SUSPENDED, telemetry.ACTOR_RESUMED]


def test_a_child_may_be_looked_at_under_a_supervisor_that_is_busy() -> None:
    """Restarts and crashes are read from the supervisor's book, without asking it."""
    gate, script, slow = Gate(), Script("child"), Script("slow")
    root = Supervisor.start([child_spec(Recorder), script.spec()])
    ref = script.wait_started()
    slow.next_starts(gate)
    busy = threading.Thread(target=start_child, args=(root, slow.spec()))
    busy.start()
    gate.wait_arrived()

    assert statistics(ref).restarts == 0
    assert statistics(root).current == "StartChild"
    gate.open()
    busy.join(HANG)
    root.stop()
