"""The actor of a task: it runs a function as its first message, and ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from supervision.actor import Actor
from supervision.errors import NotSupported, Rejection
from supervision.future import Future
from supervision.links import link
from supervision.messages import SystemMessage
from supervision.monitors import Monitor, monitor
from supervision.undelivered import Undelivered, dead_letters

if TYPE_CHECKING:
    from supervision.ref import Ref

__all__ = ["TaskActor"]


class TaskActor(Actor):
    """Runs a function once, as its first message, and ends."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        outcome: Future[Any] | None = None,
        owner: Ref | None = None,
        *,
        linked: bool = False,
    ) -> None:
        """Remember what to run, where to put what it returns, and with whom to end.

        A function that runs does not see an exit signal, so a task is killed when its owner ends,
        also when the two are linked.
        """
        super().__init__()
        self._function = function
        self._args = args
        self._outcome = outcome
        if owner is not None:
            watch = monitor(owner, lambda _: self.actor_ref.kill())
            monitor(self.actor_ref, lambda _: _forget(watch))
            if linked:
                link(owner, self.actor_ref)

    def on_start(self) -> None:
        """Be about to run: the start has succeeded, whatever the function does."""
        self.actor_ref.signal(RUN)

    def on_receive(self, message: Any) -> None:
        """Take no messages."""
        dead_letters.record(self.actor_ref, message, Undelivered.UNEXPECTED)
        self.reply_exception(NotSupported("a task takes no messages"))

    def run(self) -> None:
        """Run the function; own thread."""
        self.exit()
        try:
            value = self._function(*self._args)
        except Rejection as rejection:
            if self._outcome is None:
                raise  # for the log
            self._outcome.try_set_exception(rejection)
        else:
            if self._outcome is not None:
                self._outcome.try_set(value)


def _forget(watch: Monitor) -> None:
    watch.cancel()


class Run(SystemMessage):
    """To a task, from itself: run."""

    __slots__ = ()

    def handle(self, actor: Actor) -> None:
        """Run the function."""
        cast("TaskActor", actor).run()


RUN = Run()
