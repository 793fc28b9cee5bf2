"""One-off tasks under supervision: what they return, how they end, and who hears of it."""

from __future__ import annotations

import gc
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from supervision import (
    BRUTAL_KILL,
    KILLED,
    NORMAL,
    SHUTDOWN,
    TRANSIENT,
    Actor,
    ActorDead,
    CallCycle,
    CallTimeout,
    Crashed,
    Dispatcher,
    ExitSignal,
    InvalidChildSpec,
    ManualClock,
    MaxChildren,
    Monitor,
    NoProcess,
    NotSupported,
    Ref,
    Registry,
    Rejection,
    Supervisor,
    SupervisorFlags,
    Task,
    TaskSupervisor,
    async_nolink,
    async_task,
    child_spec,
    count_children,
    current_ref,
    spawn,
    start_task,
    which_children,
)
from supervision.tasks import start_owned
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from supervision.testing_children import spin
from supervision.undelivered import dead_letters

Keep = Callable[[Ref], Ref]


@pytest.fixture
def tasks(keep: Keep, clock: ManualClock) -> Ref:
    """A task supervisor."""
    return keep(TaskSupervisor.start(clock=clock))


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Where a task waits; open after the test in any case."""
    one = Gate()
    yield one
    one.open()


def fail() -> None:
    raise LookupError("oops")


def crash_reason(reason: object) -> type[BaseException]:
    assert isinstance(reason, Crashed)
    return type(reason.exception)


# -- for the effect alone --------------------------------------------------------------------------


def test_a_task_runs_once_and_is_gone(tasks: Ref, dispatcher: Dispatcher) -> None:
    seen: list[Any] = []

    ref = start_task(tasks, seen.append, "ran", dispatcher=dispatcher)

    assert wait_for_exit(ref) == NORMAL
    assert seen == ["ran"]
    assert count_children(tasks).specs == 0


def test_a_task_is_a_child_while_it_runs(tasks: Ref, gate: Gate) -> None:
    """It is started at once, not when it has ended, and is shown under its function's name."""
    ref = start_task(tasks, gate.pass_through)
    gate.wait_arrived()

    (child,) = which_children(tasks)

    assert child.ref is ref
    assert child.id == "Gate.pass_through"


def test_a_task_that_crashes_is_not_restarted(tasks: Ref, dispatcher: Dispatcher) -> None:
    ref = start_task(tasks, fail, dispatcher=dispatcher)

    assert crash_reason(wait_for_exit(ref)) is LookupError
    assert count_children(tasks).specs == 0


def test_a_transient_task_runs_again_after_a_crash(tasks: Ref) -> None:
    runs: list[Ref | None] = []
    ended = threading.Event()

    def crash_once() -> None:
        runs.append(current_ref())
        if len(runs) == 1:
            fail()
        ended.set()

    start_task(tasks, crash_once, restart=TRANSIENT)

    assert ended.wait(HANG)
    assert runs[1] is not runs[0]


def test_a_task_runs_on_a_thread_of_its_own(tasks: Ref) -> None:
    name = async_nolink(tasks, lambda: threading.current_thread().name).result(HANG)

    assert name.startswith("TaskActor-")


def test_a_full_supervisor_refuses(keep: Keep, gate: Gate) -> None:
    tasks = keep(TaskSupervisor.start(max_children=1))
    start_task(tasks, gate.pass_through)

    with pytest.raises(MaxChildren):
        async_nolink(tasks, len, "")


def test_an_option_that_cannot_be_is_refused(tasks: Ref) -> None:
    with pytest.raises(InvalidChildSpec, match="shutdown: "):
        start_task(tasks, len, "", shutdown=-1)


def test_a_supervisor_that_is_not_there() -> None:
    with pytest.raises(NoProcess):
        start_task(Registry("names").name("tasks"), len, "")


def test_a_task_takes_no_messages(tasks: Ref, gate: Gate) -> None:
    """What is told to it is a dead letter, what is asked is answered with an error."""
    ref = start_task(tasks, gate.pass_through)
    gate.wait_arrived()
    before = dead_letters.count

    ref.tell("hello")
    answer = ref.ask("hello", block=False)
    gate.open()

    assert wait_for_exit(ref) == NORMAL
    with pytest.raises(ActorDead):
        answer.get(timeout=HANG)
    assert dead_letters.count == before + 1


def test_a_message_before_the_start_does_not_keep_a_task_from_running(tasks: Ref) -> None:
    class Impatient(Actor):
        def on_start(self) -> None:
            self.task = async_nolink(tasks, len, "abc")
            self.answer = self.task.ref.ask("hello", block=False)

        def on_receive(self, _message: Any) -> Any:
            return self.task, self.answer

    ref = spawn(Impatient)
    task, answer = ref.ask("what", timeout=HANG)
    ref.stop()

    assert task.result(HANG) == 3
    with pytest.raises((NotSupported, ActorDead)):
        answer.get(timeout=HANG)


# -- for a result ----------------------------------------------------------------------------------


def test_the_result_is_what_the_function_returns(tasks: Ref, dispatcher: Dispatcher) -> None:
    task = async_nolink(tasks, divmod, 7, 3, dispatcher=dispatcher)

    assert task.result(HANG) == (2, 1)
    assert task.done()
    assert wait_for_exit(task.ref) == NORMAL
    assert task.exit_reason == NORMAL


def test_what_the_function_raises_is_raised(tasks: Ref, dispatcher: Dispatcher) -> None:
    task = async_nolink(tasks, fail, dispatcher=dispatcher)

    for _ in range(2):
        with pytest.raises(LookupError, match="oops"):
            task.result(HANG)
    assert crash_reason(task.exit_reason) is LookupError


def test_system_exit_is_the_tasks_own_crash(tasks: Ref) -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        async_nolink(tasks, leave).result(HANG)
    assert tasks.is_alive()


def test_a_rejection_is_an_answer_and_no_crash(tasks: Ref) -> None:
    def refuse() -> None:
        raise Rejection("no")

    task = async_nolink(tasks, refuse)

    with pytest.raises(Rejection):
        task.result(HANG)
    assert wait_for_exit(task.ref) == NORMAL


def test_nobody_asked_for_a_rejection(tasks: Ref) -> None:
    def refuse() -> None:
        raise Rejection("no")

    assert wait_for_exit(start_task(tasks, refuse)) == NORMAL


def test_a_result_that_takes_too_long(tasks: Ref, gate: Gate) -> None:
    task = async_nolink(tasks, gate.pass_through)

    with pytest.raises(CallTimeout):
        task.result(0.0)
    assert not task.done()
    assert task.exit_reason is None
    gate.open()
    assert task.result(HANG) is None


def test_a_task_that_is_killed_says_so(tasks: Ref) -> None:
    task = async_nolink(tasks, spin)
    task.ref.kill()

    with pytest.raises(ActorDead) as caught:
        task.result(HANG)
    assert caught.value.reason == KILLED


def test_a_task_whose_supervisor_ends_says_so(keep: Keep, gate: Gate) -> None:
    """The one that runs goes on for its shutdown time; the other one never began."""
    tasks = keep(TaskSupervisor.start())
    task = async_nolink(tasks, spin, shutdown=BRUTAL_KILL)
    last = async_nolink(tasks, gate.pass_through)
    gate.wait_arrived()

    tasks.shutdown()
    with pytest.raises(ActorDead) as caught:
        task.result(HANG)
    gate.open()

    assert caught.value.reason == KILLED
    assert last.result(HANG) is None
    assert wait_for_exit(tasks) == SHUTDOWN


def test_a_killed_supervisor_takes_its_tasks_along(keep: Keep) -> None:
    tasks = keep(TaskSupervisor.start())
    task = async_nolink(tasks, spin)

    tasks.kill()

    with pytest.raises(ActorDead):
        task.result(HANG)


def test_whoever_must_not_wait_is_called_back(tasks: Ref, gate: Gate) -> None:
    done: list[Task[Any]] = []
    task = async_nolink(tasks, gate.pass_through)
    task.add_done_callback(done.append)
    assert done == []

    gate.open()
    task.result(HANG)
    wait_until(lambda: done == [task], what="the callback")
    task.add_done_callback(done.append)

    assert done == [task, task]


def test_a_callback_may_read_the_result_in_the_tasks_own_thread(tasks: Ref, gate: Gate) -> None:
    results: queue.SimpleQueue[str] = queue.SimpleQueue()
    task = async_nolink(tasks, lambda: gate.pass_through() or "done")  # type: ignore[func-returns-value]
    task.add_done_callback(lambda done: results.put(done.result()))
    gate.open()

    assert results.get(timeout=HANG) == "done"


def test_a_task_that_asks_the_actor_that_waits_for_it_is_a_cycle(tasks: Ref) -> None:
    class Waiter(Actor):
        def on_receive(self, message: Any) -> Any:
            if message == "go":
                return async_nolink(tasks, self.actor_ref.ask, "again").result(HANG)
            return message

    ref = spawn(Waiter)

    with pytest.raises(CallCycle):
        ref.ask("go", timeout=HANG)
    wait_for_exit(ref)


# -- shutdown and cancel ---------------------------------------------------------------------------


def test_cancel_kills_and_does_not_wait(tasks: Ref) -> None:
    task = async_nolink(tasks, spin)

    assert task.cancel()

    assert wait_for_exit(task.ref) == KILLED
    with pytest.raises(ActorDead):
        task.result(HANG)


def test_cancel_comes_too_late(tasks: Ref) -> None:
    task = async_nolink(tasks, len, "abc")
    task.result(HANG)
    wait_for_exit(task.ref)

    assert not task.cancel()
    assert task.result() == 3


def test_shutdown_lets_a_task_return(tasks: Ref, gate: Gate) -> None:
    task = async_nolink(tasks, gate.pass_through)
    gate.wait_arrived()
    threading.Timer(0.0, gate.open).start()

    assert task.shutdown() == NORMAL
    assert task.result() is None


def test_shutdown_kills_when_the_time_is_over(tasks: Ref, clock: ManualClock) -> None:
    task = async_nolink(tasks, spin)
    reasons: list[Any] = []
    asker = threading.Thread(target=lambda: reasons.append(task.shutdown(3)))
    asker.start()
    wait_until(lambda: task.ref.mailbox_length() > 0, what="the request to stop")
    count_children(tasks)

    clock.advance(2.9)
    assert not task.ref.kill_requested
    clock.advance(0.1)

    asker.join(HANG)
    assert reasons == [KILLED]


def test_shutdown_of_one_that_is_stopped_already_with_less_patience(tasks: Ref) -> None:
    task = async_nolink(tasks, spin)
    asker = threading.Thread(target=task.shutdown)
    asker.start()
    wait_until(lambda: task.ref.mailbox_length() > 0, what="the request to stop")

    assert task.shutdown(BRUTAL_KILL) == KILLED
    asker.join(HANG)


def test_shutdown_of_one_that_has_ended(tasks: Ref) -> None:
    task = async_nolink(tasks, fail)
    wait_for_exit(task.ref)

    assert crash_reason(task.shutdown()) is LookupError


def test_shutdown_when_the_supervisor_has_ended(keep: Keep) -> None:
    tasks = keep(TaskSupervisor.start())
    task = async_nolink(tasks, spin, shutdown=BRUTAL_KILL)
    tasks.stop()

    assert task.shutdown() == KILLED


# -- an owner --------------------------------------------------------------------------------------


def test_a_task_with_an_owner_ends_with_it(tasks: Ref) -> None:
    owner = spawn(Actor)
    task = start_owned(tasks, owner, spin)

    owner.stop()

    assert wait_for_exit(task.ref) == KILLED


def test_a_task_whose_owner_has_ended_does_not_run(tasks: Ref) -> None:
    owner, seen = spawn(Actor), []  # type: ignore[var-annotated]
    owner.stop()

    task = start_owned(tasks, owner, seen.append, "ran")

    assert wait_for_exit(task.ref) == KILLED
    assert seen == []


@pytest.mark.parametrize("function", [fail, spin, int], ids=["crash", "kill", "return"])
def test_an_owner_keeps_nothing_of_tasks_that_have_ended(tasks: Ref, function: Any) -> None:
    owner = spawn(Actor)
    for _ in range(10):
        task = start_owned(tasks, owner, function)
        if function is spin:
            task.cancel()
        wait_for_exit(task.ref)

    left = [one for one in gc.get_objects() if isinstance(one, Monitor) and one.ref is owner]
    assert left == []
    owner.stop()


def test_a_task_without_an_owner_survives_whoever_started_it(tasks: Ref, gate: Gate) -> None:
    class Starter(Actor):
        def on_receive(self, _message: Any) -> Any:
            return async_nolink(tasks, gate.pass_through)

    starter = spawn(Starter)
    task = starter.ask("go", timeout=HANG)
    starter.stop()
    gate.open()

    assert task.result(HANG) is None


# -- linked with the actor that calls --------------------------------------------------------------


class Starter(Actor):
    """Starts linked tasks; keeps the exit signals it traps."""

    def __init__(self, tasks: Ref, *, trap_exits: bool = False) -> None:
        super().__init__()
        self.tasks = tasks
        self.trap_exits = trap_exits
        self.signals: list[ExitSignal] = []

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, ExitSignal):
            self.signals.append(message)
        if callable(message):
            return async_task(self.tasks, message)
        return self.signals


def test_a_linked_task_that_crashes_takes_its_starter_along(tasks: Ref) -> None:
    starter = spawn(Starter, (tasks,))

    task = starter.ask(fail, timeout=HANG)

    assert wait_for_exit(starter) == wait_for_exit(task.ref)
    assert crash_reason(task.exit_reason) is LookupError


def test_a_starter_that_traps_exits_is_told(tasks: Ref) -> None:
    starter = spawn(Starter, (tasks,), {"trap_exits": True})
    task = starter.ask(fail, timeout=HANG)
    with pytest.raises(LookupError):
        task.result(HANG)
    wait_until(lambda: starter.ask("signals", timeout=HANG) != [], what="the signal")

    (signal,) = starter.ask("signals", timeout=HANG)
    starter.stop()

    assert (signal.ref, crash_reason(signal.reason)) == (task.ref, LookupError)


def test_a_linked_task_that_returns_harms_nobody(tasks: Ref) -> None:
    starter = spawn(Starter, (tasks,))
    task = starter.ask(int, timeout=HANG)

    assert task.result(HANG) == 0
    assert wait_for_exit(task.ref) == NORMAL
    assert starter.ask("signals", timeout=HANG) == []
    starter.stop()


def test_a_linked_task_is_killed_when_its_starter_ends(tasks: Ref) -> None:
    starter = spawn(Starter, (tasks,))
    task = starter.ask(spin, timeout=HANG)

    starter.stop()

    assert wait_for_exit(task.ref) == KILLED


@pytest.mark.parametrize("end", [Task.cancel, lambda task: task.shutdown(BRUTAL_KILL)])
def test_an_end_that_was_asked_for_is_not_the_starters(tasks: Ref, end: Any) -> None:
    starter = spawn(Starter, (tasks,))
    task = starter.ask(spin, timeout=HANG)

    end(task)

    assert wait_for_exit(task.ref) == KILLED
    assert starter.ask("signals", timeout=HANG) == []
    starter.stop()


def test_a_link_needs_an_actor(tasks: Ref) -> None:
    with pytest.raises(NotSupported, match="use async_nolink"):
        async_task(tasks, len, "abc")


# -- in a tree -------------------------------------------------------------------------------------


def test_a_task_supervisor_is_a_child_with_a_name(keep: Keep) -> None:
    name = Registry("names").name("tasks")
    flags = SupervisorFlags(max_restarts=0)
    keep(Supervisor.start([child_spec(TaskSupervisor, flags, name=name)]))

    assert async_nolink(name, len, "abc").result(HANG) == 3


def test_many_crashes_do_not_end_a_task_supervisor(tasks: Ref, dispatcher: Dispatcher) -> None:
    """Tasks are temporary: their ends are no restarts."""
    made = [async_nolink(tasks, fail, dispatcher=dispatcher) for _ in range(50)]

    for task in made:
        with pytest.raises(LookupError):
            task.result(HANG)
    assert tasks.is_alive()
