"""The actor: GenServer's face on Pykka's class.

An actor is constructed in its starter's thread, then runs `on_start` in its own before it receives
anything, then handles one message at a time, and ends exactly once with a reason. The six ways in
which this differs from Pykka's own actors are in docs/supervision/pykka.md.

What is behind the face: `loop` (its life in turns), `intake` (what it takes next), `selective`
(what it takes itself), `answering` (whom it owes an answer), `spawning` (how it is started).
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any, ClassVar

from supervision import links
from supervision._pykka import StopRequest
from supervision.dispatch import OWN_THREAD, Dispatcher
from supervision.execution import shield
from supervision.future import Future
from supervision.loop import Loop
from supervision.mailbox import Mailbox
from supervision.messages import SystemMessage, for_on_receive, is_the_runtimes
from supervision.ref import Ref
from supervision.selective import Selective
from supervision.spawning import launch

if TYPE_CHECKING:
    from supervision.registry import Name
    from supervision.specs import ChildSpec

__all__ = ["Actor"]


class Actor(Selective, Loop):
    """An actor that can be supervised.

    Override the hooks `on_start`, `on_receive`, `on_stop` and `on_failure` as with Pykka; all four
    run in the actor's own thread, one at a time. An exception that leaves `on_receive` reaches the
    asker, if there is one, and ends the actor; a `Rejection` is an answer and ends nothing.

    Inside of them it may `exit`, `link` and `unlink`; `receive` and `take_waiting` messages;
    `reply`, `defer_reply` or `release_reply`, and `adopt` what others have to answer.
    """

    dispatcher: ClassVar[Dispatcher] = OWN_THREAD
    """Where instances run: `OWN_THREAD`, `POOLED`, or a `Pool`. A child spec may say otherwise."""

    mailbox: Mailbox | None = None
    """The limit of the mailbox; `None`: it has none. A child spec may say otherwise."""

    use_daemon_thread: ClassVar[bool] = False
    """Whether an own thread is a daemon thread, which does not keep the program running."""

    receive_timeout: float | None = None
    """Seconds without a message after which `on_timeout` runs; own-thread actors only."""

    trap_exits: bool = False
    """Whether exit signals come to `on_receive` as `ExitSignal` messages instead of ending it."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        """Prepare the actor; runs in its starter's thread. An exception here fails the start."""
        self._ref = Ref(self)
        # One that some get later would cost each of those a dict of its own (see `Aggregate`).
        self._reply = self._ending = self._executor = self._debts = None

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> Any:
        """Start an actor without a supervisor, as Pykka does, and show it in Pykka's registry."""
        return launch(cls(*args, **kwargs), in_pykka_registry=True)

    @classmethod
    def child_spec(cls, *args: Any, **options: Any) -> ChildSpec:
        """Return the spec of a child of this class; see `supervision.specs.child_spec`."""
        from supervision.specs import child_spec

        return child_spec(cls, *args, **options)

    @property
    def actor_ref(self) -> Ref:
        """The reference to this actor."""
        return self._ref

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """Pykka's name of this actor."""
        return self._ref.actor_urn

    @property
    def actor_inbox(self) -> Any:  # type: ignore[override]
        """The mailbox itself."""
        return self._ref.actor_inbox

    @property
    def actor_stopped(self) -> Any:  # type: ignore[override]
        """Pykka's event: set when the loop has really ended."""
        return self._ref.actor_stopped

    # -- for use inside the hooks ------------------------------------------------------------------

    def acknowledge_start(self) -> None:
        """Count as started now: whoever waits for the start goes on. For use in `on_start`.

        `on_start` goes on with what nobody need wait for; messages wait until it is done, as ever.
        If it crashes after this, that is the crash of a running actor, and no start that failed. A
        second call does nothing. After OTP's `proc_lib:init_ack
        <https://www.erlang.org/doc/apps/stdlib/proc_lib.html#init_ack/2>`_.
        """
        if not self._acknowledged:
            with shield():  # a kill in between would tell of one start twice, or never
                self._acknowledged = True
                self._ref.started()

    def link(self, other: Ref | Name) -> None:
        """Link this actor with `other`; see `supervision.links.link`.

        Raises:
            NoProcess: nobody has the name that was given.
        """
        links.link(self._ref, other)

    def unlink(self, other: Ref | Name) -> None:
        """Cut the link with `other`: nothing more is heard of it; see `supervision.links.unlink`.

        Raises:
            NoProcess: nobody has the name that was given.
        """
        links.unlink(self._ref, other)

    def inspect(self) -> Any:
        """Return what `supervision.get_state` shows; runs in the actor's thread, in its turn.

        By default the attributes that are not the runtime's own, in a dict. It is a shallow copy:
        override this where what is in it changes under the reader's hands, or is nobody's business.
        """
        return {name: value for name, value in vars(self).items() if name not in _OF_THE_RUNTIME}

    def on_timeout(self) -> None:
        """Run when `receive_timeout` seconds have passed without a message. Does nothing here."""

    def on_wake(self) -> None:
        """Run when somebody woke the actor without a message. Does nothing here."""

    # -- what the loop calls -----------------------------------------------------------------------

    def _handle_receive(self, message: Any) -> Any:
        if message.__class__ not in for_on_receive and is_the_runtimes(message):
            return self._handle_runtimes(message)
        return self.on_receive(message)

    def _handle_runtimes(self, message: Any) -> Any:
        if isinstance(message, SystemMessage):
            return message.handle(self)
        if isinstance(message, StopRequest):
            with shield():
                self._owe(message, self.release_reply())
            return self.exit()
        return super()._handle_receive(message)

    # -- Pykka's own seams -------------------------------------------------------------------------

    @staticmethod
    def _create_actor_inbox() -> Any:
        return queue.SimpleQueue()

    @staticmethod
    def _create_future() -> Future[Any]:
        return Future()

    def _start_actor_loop(self) -> None:
        self._ref.dispatcher.begin(self)


_OF_THE_RUNTIME = frozenset({*vars(Actor()), "_stash", "_acknowledged"})
