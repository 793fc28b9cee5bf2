"""The partition supervisor: several children of one spec, so that none of them has all the work.

Source of the idea: Elixir's `PartitionSupervisor
<https://hexdocs.pm/elixir/PartitionSupervisor.html>`_. An actor handles one message at a time, so
one that everybody sends to is a bottleneck. This supervisor starts it a number of times; whoever
sends brings a key, and a key always leads to the same partition.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import random
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from supervision.administration import DeleteChild, StartChild, StartChildren
from supervision.clock import SYSTEM_CLOCK, Clock
from supervision.errors import InvalidChildSpec, InvalidSupervisorFlags, NotSupported
from supervision.partitions import PartitionKey, Running
from supervision.registry import Name
from supervision.shutdown import KILL_GRACE
from supervision.specs import ChildSpec, Start, SupervisorFlags, as_spec, child_spec
from supervision.starting import Failed
from supervision.supervisor import Supervisor
from supervision.terms import NEVER

if TYPE_CHECKING:
    from supervision.actor import Actor

__all__ = ["PartitionSupervisor", "Resize", "resize_partitions"]

WithArguments: TypeAlias = Callable[[tuple[Any, ...], int], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Resize:
    """Run this many partitions from now on."""

    count: int


class PartitionSupervisor(Supervisor):
    """Keeps partitions of one child running; their ids count from zero.

    It is reached by its name: `Partition(name, key)` is the address of the partition that `key`
    leads to, `partitions(name)` their number. Under another supervisor its spec is
    `PartitionSupervisor.child_spec(child, name=...)`, whose id is the name's key.

    Example:
        >>> from supervision import Actor, Partition, PartitionSupervisor, Registry, partitions
        >>> class Counter(Actor):
        ...     count = 0
        ...     def on_receive(self, message):
        ...         self.count += message
        ...         return self.count
        >>> counters = Registry("names").name("counters")
        >>> root = PartitionSupervisor.start(Counter, name=counters, partitions=4)
        >>> [Partition(counters, key).ask(1) for key in ("a", "b", "a")]
        [1, 1, 2]
        >>> partitions(counters)
        4
        >>> root.stop()
        True
    """

    def __init__(
        self,
        child: ChildSpec | type[Actor] | None = None,
        *,
        name: Name | None = None,
        partitions: int | None = None,
        with_arguments: WithArguments | None = None,
        flags: SupervisorFlags = SupervisorFlags(),  # noqa: B008 - frozen
        clock: Clock = SYSTEM_CLOCK,
        kill_grace: float = KILL_GRACE,
        draw: Callable[[], float] = random,
    ) -> None:
        """Check the options; runs in the starter's thread.

        Args:
            child: what each partition is: a spec with a `Start`, or an actor class.
            name: of this supervisor, in a unique registry; the partitions are named there, too.
            partitions: how many; by default as many as the machine has processors.
            with_arguments: given the arguments of `child` and a partition's number, returns those
                with which that partition is started; at each of its restarts the same.
            flags: strategy and restart intensity; `auto_shutdown` is `NEVER`.
            clock: as for `Supervisor`; so are `kill_grace` and `draw`.

        Raises:
            InvalidChildSpec: `child` is missing or does not fit, or arguments are no sequence.
            InvalidSupervisorFlags: another option is missing or cannot be; the sentence names it.
        """
        name = _check_name(name)
        spec = _check_child(child)
        count = _check_partitions(partitions)
        _check_flags(flags, with_arguments)
        names = [name.registry.name(PartitionKey(name.key, number)) for number in range(count)]
        specs = [_partition(spec, number, names[number], with_arguments) for number in range(count)]
        super().__init__(specs, flags, clock=clock, kill_grace=kill_grace, draw=draw)
        self._name = name
        self._running_now = Running(names)

    def on_start(self) -> None:
        """Take the name, then start the partitions; own thread.

        Raises:
            AlreadyRegistered: somebody has the name. It fails the start.
        """
        self._name.registry.register(self._name.key, self.actor_ref, self._running_now)
        super().on_start()

    @classmethod
    def child_spec(cls, *args: Any, name: Name | None = None, **options: Any) -> ChildSpec:
        """Return the spec of a partition supervisor as a child; options as for both.

        Those of `supervision.child_spec` but `name` are the spec's, the others `__init__`'s. The
        id is the name's key unless one is given.
        """
        if isinstance(name, Name):
            options.setdefault("id", name.key)
        spec = child_spec(cls, *args, **options)
        start = cast("Start", spec.start)
        return replace(spec, start=start._replace(kwargs={**start.kwargs, "name": name}))

    def _administer(self, message: Any) -> Any:
        match message:
            case Resize(count):
                return self._resize(count)
            case StartChild() | StartChildren() | DeleteChild():
                msg = f"{type(message).__name__}: a partition supervisor has its partitions; resize"
                raise NotSupported(msg)
            case _:
                return super()._administer(message)

    def _resize(self, count: int) -> int:
        before, running = self._running_now.count, self._running_now
        if not _is_whole(count) or not 0 <= count <= len(running.names):
            msg = (
                f"resize: a whole number from 0 to the {len(running.names)} partitions that there "
                f"were at first, not {count!r}"
            )
            raise InvalidSupervisorFlags(msg)
        for number in range(before, count):
            self._start_partition(number)
        running.count = count  # nobody is led to a partition before it runs, or after it stops
        for number in range(before - 1, count - 1, -1):
            self._stop_one(self._find(number))
        return before

    def _start_partition(self, number: int) -> None:
        child = self._find(number)
        if child.active:
            return
        outcome = self._start(child)
        if isinstance(outcome, Failed):
            self._reporter.start_failed(number, outcome.reason, "refuse: it stays stopped")
            raise outcome.error(child.spec)
        self._refuse_if_stopping()


def resize_partitions(supervisor: Name, count: int, *, timeout: float | None = None) -> int:
    """Run `count` partitions from now on, at most as many as at first; return the number before.

    Partitions that are too many are stopped, the last one first; those that are wanted again are
    started anew. Keys lead to other partitions than before, as `partition_of` says. When a start
    fails the number stays what it was.

    Raises:
        NoProcess: nobody has this name.
        InvalidSupervisorFlags: more than at first, or no whole number.
        StartFailed: a partition could not be started.
        NotSupported: whoever has the name is no partition supervisor.
        CallTimeout: no answer in time; the change goes on.
    """
    return cast("int", supervisor.ask(Resize(count), timeout=timeout))


def _partition(
    spec: ChildSpec, number: int, name: Name, with_arguments: WithArguments | None
) -> ChildSpec:
    start = cast("Start", spec.start)
    if with_arguments is not None:
        args = with_arguments(start.args, number)
        if not isinstance(args, tuple | list):
            msg = f"with_arguments: returns a tuple or list of arguments, not {args!r}"
            raise InvalidChildSpec(msg)
        start = start._replace(args=tuple(args))
    return replace(spec, id=number, name=name, start=start)


def _check_name(name: object) -> Name:
    if name is None:
        raise InvalidSupervisorFlags("name: a partition supervisor needs one: registry.name(key)")
    if not isinstance(name, Name):
        raise InvalidSupervisorFlags(f"name: a registry's name(key), not {name!r}")
    return name


def _check_child(child: object) -> ChildSpec:
    if child is None:
        raise InvalidChildSpec("child: a partition supervisor needs a spec, or an actor class")
    spec = as_spec(child)
    if not isinstance(spec.start, Start):
        raise InvalidChildSpec("child: a partition needs a Start: with a function it has no name")
    if spec.name is not None:
        raise InvalidChildSpec("child: a partition is named by its supervisor; leave out its name")
    return spec


def _check_partitions(partitions: int | None) -> int:
    count = os.cpu_count() or 1 if partitions is None else partitions
    if not _is_whole(count) or count < 1:
        raise InvalidSupervisorFlags(f"partitions: a whole number, 1 or more, not {partitions!r}")
    return count


def _check_flags(flags: SupervisorFlags, with_arguments: object) -> None:
    if with_arguments is not None and not callable(with_arguments):
        raise InvalidSupervisorFlags(
            f"with_arguments: a function of arguments and partition, not {with_arguments!r}"
        )
    if flags.auto_shutdown is not NEVER:
        raise InvalidSupervisorFlags(
            f"auto_shutdown: a partition supervisor has NEVER, not {flags.auto_shutdown}"
        )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
