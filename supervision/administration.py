"""What can be asked of a supervisor: `start_child`, `terminate_child` and the rest of OTP's.

Each function is one message and its answer; each takes a supervisor's ref or its name. The ones
that may have to wait for a child have an `_async` form, which returns a future at once: for actors
that must not wait, and for supervisors' own children, which must not wait for their supervisor
while it waits for them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from supervision.children import ChildInfo, Counts
from supervision.spec_checks import check_shutdown
from supervision.specs import ChildSpec, as_spec

if TYPE_CHECKING:
    from supervision.actor import Actor
    from supervision.future import Future
    from supervision.ref import Ref
    from supervision.registry import Name
    from supervision.terms import ShutdownTime

__all__ = [
    "CountChildren",
    "DeleteChild",
    "GetChildSpec",
    "RestartChild",
    "StartChild",
    "StartChildren",
    "TerminateChild",
    "WhichChildren",
    "count_children",
    "delete_child",
    "get_child_spec",
    "restart_child",
    "restart_child_async",
    "start_child",
    "start_child_async",
    "start_children",
    "start_children_async",
    "terminate_child",
    "terminate_child_async",
    "which_children",
]

if TYPE_CHECKING:
    Address: TypeAlias = Ref | Name


@dataclass(frozen=True, slots=True)
class StartChild:
    """Start this child and keep it."""

    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class StartChildren:
    """Start these children, each by itself; the answer has a place for each."""

    specs: tuple[ChildSpec, ...]


@dataclass(frozen=True, slots=True)
class TerminateChild:
    """Stop the child: of a supervisor by its id, of a dynamic supervisor by its ref.

    `shutdown` is what is given to it in place of its spec's.
    """

    child: Hashable
    shutdown: ShutdownTime | None = None


@dataclass(frozen=True, slots=True)
class RestartChild:
    """Start a child that is stopped."""

    child_id: Hashable


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Forget a child that is stopped."""

    child_id: Hashable


@dataclass(frozen=True, slots=True)
class WhichChildren:
    """List the children, at most `limit` of them."""

    limit: int | None = None


@dataclass(frozen=True, slots=True)
class CountChildren:
    """Count the children."""


@dataclass(frozen=True, slots=True)
class GetChildSpec:
    """Give back a child's spec."""

    child: Hashable


def start_child(
    supervisor: Address, child: ChildSpec | type[Actor], *, timeout: float | None = None
) -> Ref | None:
    """Start a child under `supervisor` and return its ref, `None` if it declined to start.

    Unless its spec says `await_start=False`, its `on_start` has succeeded when this returns. A
    start that fails leaves nothing behind.

    Raises:
        AlreadyStarted: a child of this id is running, or somebody has its name; see its `ref`.
        AlreadyPresent: a child of this id is known and not running.
        StartFailed: with the child's id, its exit reason, and its exception as the cause.
        MaxChildren: the dynamic supervisor is full.
        InvalidChildSpec: it is no spec, or not one for this supervisor.
        ActorDead: the supervisor has ended, or was asked to before the child had started.
        CallTimeout: no answer in time; the start goes on.
    """
    message = StartChild(as_spec(child))
    return cast("Ref | None", supervisor.ask(message, timeout=timeout))


def start_child_async(supervisor: Address, child: ChildSpec | type[Actor]) -> Future[Ref | None]:
    """As `start_child`, but do not wait: return a future of the ref."""
    return cast("Future[Ref | None]", supervisor.ask(StartChild(as_spec(child)), block=False))


def start_children(
    supervisor: Address,
    children: Iterable[ChildSpec | type[Actor]],
    *,
    timeout: float | None = None,
) -> list[Ref | Exception | None]:
    """Start many children of a dynamic supervisor with one message, which is quicker.

    Each is started as by `start_child`, in their order, and they come up side by side. Returns when
    all have: for each, in its place, what `start_child` would return or the exception that it would
    raise. One that fails hinders no other. Where the supervisor is asked to stop meanwhile, those
    that have not come up yet have `ActorDead` in their place.

    Raises:
        InvalidChildSpec: one is no spec; none has been started.
        NotSupported: it is no dynamic supervisor: others wait for one child after the other.
        ActorDead: the supervisor has ended.
        CallTimeout: no answer in time; the starts go on.
    """
    return cast(
        "list[Ref | Exception | None]", supervisor.ask(_start_all(children), timeout=timeout)
    )


def start_children_async(
    supervisor: Address, children: Iterable[ChildSpec | type[Actor]]
) -> Future[list[Ref | Exception | None]]:
    """As `start_children`, but do not wait: return a future of what became of them."""
    return cast(
        "Future[list[Ref | Exception | None]]",
        supervisor.ask(_start_all(children), block=False),
    )


def terminate_child(
    supervisor: Address,
    child: Hashable,
    *,
    shutdown: ShutdownTime | None = None,
    timeout: float | None = None,
) -> None:
    """Stop a child, as its spec's `shutdown` says or the one given, and return when it has ended.

    A static supervisor's child is named by its id and stays known, so that `restart_child` can
    start it again, unless it is temporary; a dynamic supervisor's is named by its ref and is
    forgotten. A child that waits to be restarted is not restarted any more. Stopping a stopped one
    does nothing.

    Raises:
        ChildNotFound: it has no such child; a stranger's ref is left alone.
        NotSupported: a ref for a static supervisor, or an id for a dynamic one.
        InvalidChildSpec: a `shutdown` that cannot be.
        ActorDead: the supervisor has ended.
        CallTimeout: no answer in time; the stop goes on.
    """
    supervisor.ask(_terminate(child, shutdown), timeout=timeout)


def terminate_child_async(
    supervisor: Address, child: Hashable, *, shutdown: ShutdownTime | None = None
) -> Future[None]:
    """As `terminate_child`, but do not wait: return a future of the end."""
    return cast("Future[None]", supervisor.ask(_terminate(child, shutdown), block=False))


def restart_child(
    supervisor: Address, child_id: Hashable, *, timeout: float | None = None
) -> Ref | None:
    """Start a child that is stopped and return its ref, `None` if it declined to start.

    Raises:
        ChildNotFound: there is no such child.
        ChildRunning: it runs.
        ChildRestarting: it is between a failed restart and the next attempt.
        StartFailed: the start failed; the child stays, stopped.
        NotSupported: the supervisor is a dynamic one.
        ActorDead: the supervisor has ended.
        CallTimeout: no answer in time; the start goes on.
    """
    return cast("Ref | None", supervisor.ask(RestartChild(child_id), timeout=timeout))


def restart_child_async(supervisor: Address, child_id: Hashable) -> Future[Ref | None]:
    """As `restart_child`, but do not wait: return a future of the ref."""
    return cast("Future[Ref | None]", supervisor.ask(RestartChild(child_id), block=False))


def delete_child(supervisor: Address, child_id: Hashable, *, timeout: float | None = None) -> None:
    """Forget a child that is stopped.

    Raises:
        ChildNotFound: there is no such child.
        ChildRunning: it runs; terminate it first.
        ChildRestarting: it is between a failed restart and the next attempt.
        NotSupported: the supervisor is a dynamic one.
        ActorDead: the supervisor has ended.
        CallTimeout: no answer in time.
    """
    supervisor.ask(DeleteChild(child_id), timeout=timeout)


def which_children(
    supervisor: Address, *, limit: int | None = None, timeout: float | None = None
) -> list[ChildInfo]:
    """Return the children in the order of their start, at most `limit` of them.

    (OTP lists them in the reverse order.) A child that waits to be restarted has the state
    `RESTARTING` and no ref; so has one that is stopped, in the state `STOPPED`. Under a dynamic
    supervisor the ref of the one that failed names a child that waits to be restarted.

    Raises:
        ActorDead: the supervisor has ended.
        CallTimeout: no answer in time: it waits for a child, perhaps.
    """
    return cast("list[ChildInfo]", supervisor.ask(WhichChildren(limit), timeout=timeout))


def count_children(supervisor: Address, *, timeout: float | None = None) -> Counts:
    """Return how many children there are: specs, active ones, supervisors and workers.

    Raises:
        ActorDead: the supervisor has ended.
        CallTimeout: no answer in time.
    """
    return cast("Counts", supervisor.ask(CountChildren(), timeout=timeout))


def get_child_spec(
    supervisor: Address, child: Hashable, *, timeout: float | None = None
) -> ChildSpec:
    """Return the spec of a child, named by its id or by its ref.

    Of a temporary child the start arguments are not kept.

    Raises:
        ChildNotFound: there is no such child.
        ActorDead: the supervisor has ended.
        CallTimeout: no answer in time.
    """
    return cast("ChildSpec", supervisor.ask(GetChildSpec(child), timeout=timeout))


def _start_all(children: Iterable[ChildSpec | type[Actor]]) -> StartChildren:
    return StartChildren(tuple(map(as_spec, children)))


def _terminate(child: Hashable, shutdown: ShutdownTime | None) -> TerminateChild:
    if shutdown is not None:
        check_shutdown(shutdown)
    return TerminateChild(child, shutdown)
