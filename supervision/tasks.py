"""One-off tasks under supervision: a function as a child that ends when it returns.

Source of the idea: Elixir's `Task.Supervisor <https://hexdocs.pm/elixir/Task.Supervisor.html>`_. A
task is an actor, so it is counted, shown in the tree, stopped with its supervisor, and its crash is
reported like any other. By default it runs on a thread of its own and may wait as it likes.

A thread that is in the middle of a function does not see a request to stop: a task goes on for its
`shutdown` time at most and is then killed.
"""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from supervision.administration import start_child, terminate_child_async
from supervision.calls import waiting_for
from supervision.clock import SYSTEM_CLOCK, Clock
from supervision.dynamic_supervisor import DynamicSupervisor
from supervision.errors import ActorDead, NotSupported
from supervision.execution import current_ref
from supervision.future import Future
from supervision.links import unlink
from supervision.monitors import Down, monitor
from supervision.reasons import Crashed, ExitReason
from supervision.shutdown import KILL_GRACE
from supervision.specs import ChildSpec, Start, SupervisorFlags
from supervision.task_actor import TaskActor
from supervision.terms import (
    BRUTAL_KILL,
    DEFAULT_SHUTDOWN,
    INFINITY,
    TEMPORARY,
    Restart,
    ShutdownTime,
)

if TYPE_CHECKING:
    from supervision.administration import Address
    from supervision.dispatch import Dispatcher
    from supervision.ref import Ref

__all__ = [
    "Task",
    "TaskSupervisor",
    "async_nolink",
    "async_task",
    "start_owned",
    "start_task",
]

T = TypeVar("T")


class TaskSupervisor(DynamicSupervisor):
    """A dynamic supervisor whose children are tasks; temporary ones unless they say otherwise.

    Example:
        >>> from supervision import TaskSupervisor, async_nolink
        >>> tasks = TaskSupervisor.start()
        >>> task = async_nolink(tasks, max, 1, 2)
        >>> task.result(timeout=5)
        2
        >>> tasks.stop()
        True
    """

    def __init__(
        self,
        flags: SupervisorFlags = SupervisorFlags(),  # noqa: B008 - frozen
        *,
        max_children: float = INFINITY,
        clock: Clock = SYSTEM_CLOCK,
        kill_grace: float = KILL_GRACE,
        draw: Callable[[], float] = random,
    ) -> None:
        """Check the options, which are those of `DynamicSupervisor`; in the starter's thread."""
        super().__init__(
            flags, max_children=max_children, clock=clock, kill_grace=kill_grace, draw=draw
        )


class Task(Generic[T]):
    """A task that somebody waits for. All methods may be called from any thread.

    Attributes:
        ref: its actor.
    """

    __slots__ = ("_outcome", "_partner", "_supervisor", "ref")

    def __init__(
        self, supervisor: Address, ref: Ref, outcome: Future[T], partner: Ref | None
    ) -> None:
        self.ref = ref
        self._supervisor = supervisor
        self._outcome = outcome
        self._partner = partner
        monitor(ref, self._ended)

    def __repr__(self) -> str:
        return f"<Task {self.ref.label}: {self.exit_reason or 'running'}>"

    @property
    def exit_reason(self) -> ExitReason | None:
        """Why it has ended, `NORMAL` if the function returned; `None` while it runs."""
        return self.ref.exit_reason

    def done(self) -> bool:
        """Return whether `result` would not wait."""
        return self._outcome.done()

    def result(self, timeout: float | None = None) -> T:
        """Wait for what the function returns, at most `timeout` seconds, and return it.

        Raises:
            CallTimeout: it has not ended in time; it goes on.
            CallCycle: the task waits for the actor that asks.
            ActorDead: it was killed, or its supervisor ended; `reason` says which.
            Exception: whatever the function raised.
        """
        if self._outcome.done():  # a callback may run in the task's own thread: it waits for nobody
            return self._outcome.get()
        with waiting_for(self.ref):
            return self._outcome.get(timeout=timeout)

    def add_done_callback(self, callback: Callable[[Task[T]], None]) -> None:
        """Call `callback(self)` when `done`: at once, or in the thread that ends the task.

        For actors, which must not wait: let it send a message.
        """
        self._outcome.add_done_callback(lambda _: callback(self))

    def shutdown(self, timeout: ShutdownTime = DEFAULT_SHUTDOWN) -> ExitReason:
        """Let it go on for `timeout` seconds at most, then kill it; return why it has ended.

        Waits for the end. If the function has returned by then, the reason is `NORMAL` and the
        result is there. `BRUTAL_KILL` does not wait for it to return. One that is linked is
        unlinked first, so that its end is nobody else's.

        Raises:
            InvalidChildSpec: a `timeout` that cannot be.
        """
        self._unlink()
        ended: Future[ExitReason] = Future(self.ref)
        monitor(self.ref, lambda down: ended.set(down.reason))
        # Its answer is not needed: where the supervisor has ended, the task has, or is about to.
        terminate_child_async(self._supervisor, self.ref, shutdown=timeout)
        return ended.get()

    def cancel(self) -> bool:
        """Kill it, and do not wait; return whether it had no result yet. Unlinks, too."""
        self._unlink()
        terminate_child_async(self._supervisor, self.ref, shutdown=BRUTAL_KILL)
        return not self.done()

    def fail(self, exception: BaseException) -> None:
        """Give it up: kill it, and let `result` raise `exception` unless there is one already."""
        self._outcome.try_set_exception(exception)
        self.cancel()

    def _unlink(self) -> None:
        if self._partner is not None:
            unlink(self._partner, self.ref)

    def _ended(self, down: Down) -> None:
        reason = down.reason
        if self.done():
            return
        if isinstance(reason, Crashed):
            self._outcome.try_set_exception(reason.exception)
        else:
            self._outcome.try_set_exception(ActorDead(self.ref.label, reason))


def start_task(
    supervisor: Address,
    function: Callable[..., Any],
    *args: Any,
    restart: Restart = TEMPORARY,
    shutdown: ShutdownTime | None = None,
    dispatcher: Dispatcher | None = None,
) -> Ref:
    """Run `function(*args)` under a task supervisor, for its effect alone; return its actor's ref.

    Args:
        supervisor: the ref or name of a `TaskSupervisor`.
        function: what to run; what it returns is dropped, what it raises is its crash.
        args: what it gets.
        restart: `TRANSIENT` runs it again after a crash.
        shutdown: the seconds it may go on when its supervisor ends; `BRUTAL_KILL`: none.
        dispatcher: where it runs, if not on a thread of its own.

    Raises:
        MaxChildren: the supervisor is full.
        ActorDead: the supervisor has ended.
        InvalidChildSpec: an option that cannot be.
    """
    start = Start(TaskActor, (function, args))
    return _start(supervisor, start, restart=restart, shutdown=shutdown, dispatcher=dispatcher)


def async_nolink(
    supervisor: Address,
    function: Callable[..., T],
    *args: Any,
    shutdown: ShutdownTime | None = None,
    dispatcher: Dispatcher | None = None,
) -> Task[T]:
    """Run `function(*args)` under a task supervisor and return the task, to wait for its result.

    Its crash is nobody's but its own: `Task.result` raises the exception. It goes on when whoever
    started it ends. Options and errors are those of `start_task`; it is never restarted.
    """
    return start_owned(supervisor, None, function, *args, shutdown=shutdown, dispatcher=dispatcher)


def async_task(
    supervisor: Address,
    function: Callable[..., T],
    *args: Any,
    shutdown: ShutdownTime | None = None,
    dispatcher: Dispatcher | None = None,
) -> Task[T]:
    """As `async_nolink`, but link the task with the actor that calls: Elixir's `async`.

    If the task crashes or is killed, the actor ends with the same reason, or gets an `ExitSignal`
    if it traps exits; `Task.shutdown` and `Task.cancel` unlink first. If the actor ends, for
    whatever reason, the task is killed. For a part of the actor's own work, without which it could
    not go on.

    Raises:
        NotSupported: no actor runs on this thread.
    """
    owner = current_ref()
    if owner is None:
        msg = "async_task links with the actor that calls, and none does: use async_nolink"
        raise NotSupported(msg)
    return start_owned(
        supervisor, owner, function, *args, linked=True, shutdown=shutdown, dispatcher=dispatcher
    )


def start_owned(
    supervisor: Address,
    owner: Ref | None,
    function: Callable[..., T],
    *args: Any,
    linked: bool = False,
    shutdown: ShutdownTime | None = None,
    dispatcher: Dispatcher | None = None,
) -> Task[T]:
    """As `async_nolink`, but it is killed when `owner` ends, and `linked` with it or not."""
    outcome: Future[T] = Future()
    start = Start(TaskActor, (function, args, outcome, owner), {"linked": linked})
    ref = _start(supervisor, start, restart=TEMPORARY, shutdown=shutdown, dispatcher=dispatcher)
    return Task(supervisor, ref, outcome, owner if linked else None)


def _start(supervisor: Address, start: Start, **options: Any) -> Ref:
    function = start.args[0]
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    spec = ChildSpec(id=name, start=start, await_start=False, **options)
    return cast("Ref", start_child(supervisor, spec))
