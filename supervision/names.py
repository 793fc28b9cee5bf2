"""Addresses: a name that is looked up whenever something is sent to it.

After Elixir's `via <https://hexdocs.pm/elixir/Registry.html#module-using-in-via>`_ tuples.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from supervision.errors import NoProcess
from supervision.future import Future
from supervision.ref import Ref
from supervision.registrations import label_of
from supervision.undelivered import Undelivered, dead_letters

if TYPE_CHECKING:
    from supervision.reasons import ExitReason
    from supervision.registry import Registry

__all__ = ["Name"]


@dataclass(frozen=True, slots=True)
class Name:
    """An address: whoever has the name when a message is sent, through any number of restarts.

    `value` is what an actor that is started under this name is registered with.
    """

    registry: Registry
    key: Hashable
    value: Any = field(default=None, compare=False)

    def __str__(self) -> str:
        return label_of(self.key)

    def register(self, ref: Ref) -> None:
        """Give the name to `ref`; as `Registry.register`."""
        self.registry.register(self.key, ref, self.value)

    def whereis(self) -> Ref | None:
        """Return the actor that has the name at the moment, else `None`."""
        return self.registry.whereis(self.key)

    def ref(self) -> Ref:
        """Return the actor that has the name at the moment.

        Raises:
            NoProcess: nobody has it.
        """
        ref = self.registry.whereis(self.key)
        if ref is None:
            raise NoProcess(self)
        return ref

    def is_alive(self) -> bool:
        """Return whether somebody has the name."""
        return self.whereis() is not None

    def tell(self, message: Any) -> None:
        """Put `message` into the mailbox of whoever has the name.

        Raises:
            NoProcess: nobody has it.
            ActorDead: its owner ended at this moment.
        """
        self.ref().tell(message)

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """Ask whoever has the name; as `Ref.ask`.

        Raises:
            NoProcess: nobody has it; in the future if not blocking.
        """
        if block:
            return self.ref().ask(message, timeout=timeout)
        ref = self.registry.whereis(self.key)
        if ref is not None:
            return ref.ask(message, block=False, timeout=timeout)
        future: Future[Any] = Future()
        future.try_set_exception(NoProcess(self))
        return future

    def forward(self, message: Any, reply_to: Future[Any] | None) -> None:
        """As `Ref.forward`; where nobody has the name the future gets `NoProcess`."""
        ref = self.registry.whereis(self.key)
        if ref is not None:
            ref.forward(message, reply_to)
        elif reply_to is not None:
            reply_to.try_set_exception(NoProcess(self))
        else:
            dead_letters.record(self, message, Undelivered.NOBODY)

    def signal(self, message: Any) -> None:
        """As `Ref.signal`; where nobody has the name the message is a dead letter."""
        ref = self.registry.whereis(self.key)
        if ref is None:
            dead_letters.record(self, message, Undelivered.NOBODY)
        else:
            ref.signal(message)

    def shutdown(self, reason: ExitReason) -> None:
        """As `Ref.shutdown`.

        Raises:
            NoProcess: nobody has the name.
        """
        self.ref().shutdown(reason)

    def exit(self, reason: ExitReason) -> None:
        """As `Ref.exit`.

        Raises:
            NoProcess: nobody has the name.
        """
        self.ref().exit(reason)

    def kill(self) -> None:
        """As `Ref.kill`.

        Raises:
            NoProcess: nobody has the name.
        """
        self.ref().kill()
