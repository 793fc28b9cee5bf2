"""Addresses of partitions: a key leads to one of several actors, looked up at every send.

After the `via` tuples of Elixir's `PartitionSupervisor
<https://hexdocs.pm/elixir/PartitionSupervisor.html>`_. A partition supervisor is registered with
what it runs as the value, so an address is resolved in the sender's thread and without a message.
"""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supervision.errors import NoProcess, NotSupported
from supervision.future import Future
from supervision.registrations import label_of
from supervision.undelivered import Undelivered, dead_letters

if TYPE_CHECKING:
    from supervision.reasons import ExitReason
    from supervision.ref import Ref
    from supervision.registry import Name

__all__ = ["Partition", "PartitionKey", "Running", "partition_of", "partitions"]


def partition_of(key: Hashable, count: int) -> int:
    """Return the partition of `key` among `count`: always the same, in each run of a program.

    Integers are spread by their absolute value modulo `count`, as in Elixir; anything else by a
    checksum of its bytes, or of its `repr`, which must be the same for keys that are equal.
    Python's own `hash` of a string differs between runs.
    """
    if isinstance(key, int):
        return abs(key) % count
    as_bytes = key if isinstance(key, bytes) else repr(key).encode("utf-8", "backslashreplace")
    return zlib.crc32(as_bytes) % count


@dataclass(frozen=True, slots=True)
class PartitionKey:
    """The key under which partition `number` is registered, beside its supervisor's."""

    supervisor: Hashable
    number: int

    def __str__(self) -> str:
        return f"{label_of(self.supervisor)}/{self.number}"


class Running:
    """What a partition supervisor runs. It writes `count` in its thread, and senders read it."""

    __slots__ = ("count", "names")

    def __init__(self, names: Sequence[Name]) -> None:
        self.names = tuple(names)
        self.count = len(self.names)


@dataclass(frozen=True, slots=True)
class Partition:
    """An address: the partition of `supervisor` that `key` leads to when a message is sent.

    It is used as a `Name` is. There is no such process while the supervisor does not run, runs no
    partitions, or is about to restart this one.

    Raises:
        NotSupported: at the first use, if `supervisor` is the name of something else.
    """

    supervisor: Name
    key: Hashable

    def __str__(self) -> str:
        return f"{self.supervisor}[{self.key!r}]"

    def name(self) -> Name:
        """Return the name of the partition, for the number of partitions that there are now.

        Raises:
            NoProcess: the supervisor does not run, or runs no partitions.
        """
        name = self._find()
        if name is None:
            raise NoProcess(self)
        return name

    def whereis(self) -> Ref | None:
        """Return the actor of the partition at the moment, else `None`."""
        name = self._find()
        return None if name is None else name.whereis()

    def ref(self) -> Ref:
        """Return the actor of the partition at the moment.

        Raises:
            NoProcess: there is none.
        """
        return self.name().ref()

    def is_alive(self) -> bool:
        """Return whether the partition runs."""
        return self.whereis() is not None

    def tell(self, message: Any) -> None:
        """Put `message` into the mailbox of the partition.

        Raises:
            NoProcess: there is none.
            ActorDead: it ended at this moment.
        """
        self.name().tell(message)

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """Ask the partition; as `Ref.ask`.

        Raises:
            NoProcess: there is none; in the future if not blocking.
        """
        if block:
            return self.name().ask(message, timeout=timeout)
        name = self._find()
        if name is not None:
            return name.ask(message, block=False, timeout=timeout)
        future: Future[Any] = Future()
        future.try_set_exception(NoProcess(self))
        return future

    def forward(self, message: Any, reply_to: Future[Any] | None) -> None:
        """As `Ref.forward`; where there is no such partition the future gets `NoProcess`."""
        name = self._find()
        if name is not None:
            name.forward(message, reply_to)
        elif reply_to is not None:
            reply_to.try_set_exception(NoProcess(self))
        else:
            dead_letters.record(self, message, Undelivered.NOBODY)

    def signal(self, message: Any) -> None:
        """As `Ref.signal`; where there is no such partition the message is a dead letter."""
        name = self._find()
        if name is None:
            dead_letters.record(self, message, Undelivered.NOBODY)
        else:
            name.signal(message)

    def shutdown(self, reason: ExitReason) -> None:
        """As `Ref.shutdown`.

        Raises:
            NoProcess: there is no such partition.
        """
        self.ref().shutdown(reason)

    def exit(self, reason: ExitReason) -> None:
        """As `Ref.exit`.

        Raises:
            NoProcess: there is no such partition.
        """
        self.ref().exit(reason)

    def kill(self) -> None:
        """As `Ref.kill`.

        Raises:
            NoProcess: there is no such partition.
        """
        self.ref().kill()

    def _find(self) -> Name | None:
        running = _running(self.supervisor)
        if running is None:
            return None
        count = running.count  # once: it may be changed at any moment
        return running.names[partition_of(self.key, count)] if count else None


def partitions(supervisor: Name) -> int:
    """Return how many partitions there are at the moment; asks nobody.

    Raises:
        NoProcess: nobody has this name.
        NotSupported: whoever has it is no partition supervisor.
    """
    running = _running(supervisor)
    if running is None:
        raise NoProcess(supervisor)
    return running.count


def _running(supervisor: Name) -> Running | None:
    entries = supervisor.registry.lookup(supervisor.key)
    if not entries:
        return None
    value = entries[0].value
    if not isinstance(value, Running):
        msg = (
            f"{supervisor} is the name of {entries[0].ref.label}, which is no partition supervisor"
        )
        raise NotSupported(msg)
    return value
