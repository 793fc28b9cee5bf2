"""What a supervisor must know of a child, and of itself: specs, flags and their validators.

Sources of the ideas: `supervisor:child_spec/0 <https://www.erlang.org/doc/apps/stdlib/supervisor>`_
and Elixir's `Supervisor <https://hexdocs.pm/elixir/Supervisor.html>`_. A spec that is wrong cannot
be made: each field has one validator with a sentence of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from supervision import spec_checks as checks
from supervision.errors import InvalidChildSpec
from supervision.terms import (
    DEFAULT_SHUTDOWN,
    INFINITY,
    NEVER,
    ONE_FOR_ONE,
    PERMANENT,
    SUPERVISOR,
    WORKER,
    AutoShutdown,
    ChildType,
    Restart,
    ShutdownTime,
    Strategy,
)

if TYPE_CHECKING:
    from supervision.actor import Actor
    from supervision.backoff import Backoff
    from supervision.dispatch import Dispatcher
    from supervision.mailbox import Mailbox
    from supervision.ref import Ref
    from supervision.registry import Name

__all__ = [
    "ChildSpec",
    "Start",
    "SupervisorFlags",
    "as_spec",
    "check_children",
    "check_significant",
    "child_spec",
    "forgotten_start",
]

NO_OPTIONS: Final[Mapping[str, Any]] = {}


class Start(NamedTuple):
    """How a child is made: a class and what its `__init__` gets; a tuple, as OTP's `mfargs`."""

    actor_class: type[Actor]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = NO_OPTIONS

    def without_arguments(self) -> Start:
        """Return what is kept of a child that is never started again: its class."""
        return Start(self.actor_class)


def forgotten_start() -> Ref:
    """Stand in for the start function of a temporary child, which is not kept.

    Raises:
        InvalidChildSpec: always; such a spec cannot start another child.
    """
    raise InvalidChildSpec("start: a temporary child's start function is not kept once it runs")


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """What a supervisor must know of one child.

    Attributes:
        id: names the child within its supervisor; any hashable but `None`.
        start: a `Start`, or a function without arguments that starts an actor and returns its ref;
            such a function has no `name`, `dispatcher` or `mailbox` here: it sees to them itself.
        restart: `PERMANENT` is always started again, `TRANSIENT` after an abnormal end,
            `TEMPORARY` never.
        shutdown: the seconds in which it may end by itself once it is asked to; `BRUTAL_KILL` does
            not ask; `INFINITY` waits as long as it takes. By default 5.0, for supervisors
            `INFINITY`, so that a tree is never cut while it stops.
        type: `WORKER` or `SUPERVISOR`; by default what the actor class says.
        significant: whether its end by itself counts for the supervisor's `auto_shutdown`.
        name: registered before the child starts; the same for each restart.
        await_start: whether the supervisor waits until `on_start` has succeeded, or has called
            `acknowledge_start`, before it goes on.
        start_timeout: the seconds it waits at most; `None` waits as long as it takes.
        dispatcher: where it runs, if not where its class says.
        backoff: how long it waits before each restart; `None` restarts it at once, as OTP does.
        mailbox: the limit of its mailbox, if not the one that its class says.

    Raises:
        InvalidChildSpec: a field has a value that cannot be; the sentence names it.
    """

    id: Hashable
    start: Start | Callable[[], Ref]
    restart: Restart = PERMANENT
    shutdown: ShutdownTime | None = None
    type: ChildType | None = None
    significant: bool = False
    name: Name | None = None
    await_start: bool = True
    start_timeout: float | None = None
    dispatcher: Dispatcher | None = None
    backoff: Backoff | None = None
    mailbox: Mailbox | None = None

    def __post_init__(self) -> None:
        checks.check_id(self.id)
        if isinstance(self.start, Start):
            checks.check_actor_class(self.start.actor_class)
        else:
            checks.check_start_function(self.start)
        checks.check_restart(self.restart)
        if self.type is None:
            object.__setattr__(self, "type", _default_type(self.start))
        checks.check_type(self.type)
        if self.shutdown is None:
            object.__setattr__(self, "shutdown", _default_shutdown(self.type))
        checks.check_shutdown(self.shutdown)
        checks.check_significant_flag(self.significant, self.restart)
        checks.check_name(self.name)
        checks.check_mailbox(self.mailbox)
        checks.check_where(
            self.name, self.dispatcher, self.mailbox, made_by_spec=isinstance(self.start, Start)
        )
        checks.check_await_start(self.await_start)
        checks.check_start_timeout(self.start_timeout)
        checks.check_backoff(self.backoff, self.restart)

    @property
    def shutdown_time(self) -> ShutdownTime:
        """`shutdown`, which is never `None` once the spec is made."""
        assert self.shutdown is not None
        return self.shutdown

    def of_another(self, id: Hashable, *args: Any, name: Name | None = None) -> ChildSpec:  # noqa: A002 - OTP's word
        """Return the spec of another child of this kind: its id, arguments and name are its own.

        For who starts very many: what they have in common is not checked again.

        Raises:
            InvalidChildSpec: the id or the name cannot be, or the start is a function.
        """
        if not isinstance(self.start, Start):
            raise InvalidChildSpec("start: a function makes one child; it has no arguments here")
        checks.check_id(id)
        checks.check_name(name)
        values = vars(self).copy()
        values["id"], values["name"] = id, name
        values["start"] = Start(self.start.actor_class, args)
        made = object.__new__(ChildSpec)
        object.__setattr__(made, "__dict__", values)  # it is frozen, for all others
        return made

    def without_arguments(self) -> ChildSpec:
        """Return what is kept of a temporary child: everything but what its start had closed over.

        Such a child is never started again, and there may be very many.
        """
        if not isinstance(self.start, Start):
            return replace(self, start=forgotten_start)
        if self.start.args or self.start.kwargs:
            return replace(self, start=self.start.without_arguments())
        return self


@dataclass(frozen=True, slots=True)
class SupervisorFlags:
    """How a supervisor goes about it: OTP's `sup_flags`.

    More than `max_restarts` restarts within `max_seconds` make it give up.

    Raises:
        InvalidSupervisorFlags: a field has a value that cannot be; the sentence names it.
    """

    strategy: Strategy = ONE_FOR_ONE
    max_restarts: int = 3
    max_seconds: float = 5.0
    auto_shutdown: AutoShutdown = NEVER

    def __post_init__(self) -> None:
        checks.check_strategy(self.strategy)
        checks.check_intensity(self.max_restarts, self.max_seconds)
        checks.check_auto_shutdown(self.auto_shutdown)


def child_spec(
    actor_class: type[Actor],
    *args: Any,
    id: Hashable = None,  # noqa: A002 - OTP's word
    restart: Restart = PERMANENT,
    shutdown: ShutdownTime | None = None,
    type: ChildType | None = None,  # noqa: A002 - OTP's word
    significant: bool = False,
    name: Name | None = None,
    await_start: bool = True,
    start_timeout: float | None = None,
    dispatcher: Dispatcher | None = None,
    backoff: Backoff | None = None,
    mailbox: Mailbox | None = None,
    **kwargs: Any,
) -> ChildSpec:
    """Return a spec of `actor_class(*args, **kwargs)`; its id is the class unless one is given.

    Raises:
        InvalidChildSpec: a field has a value that cannot be.
    """
    return ChildSpec(
        id=actor_class if id is None else id,
        start=Start(actor_class, args, kwargs),
        restart=restart,
        shutdown=shutdown,
        type=type,
        significant=significant,
        name=name,
        await_start=await_start,
        start_timeout=start_timeout,
        dispatcher=dispatcher,
        backoff=backoff,
        mailbox=mailbox,
    )


def as_spec(child: object) -> ChildSpec:
    """Return a spec as it is, and of an actor class the spec that the class gives of itself.

    Raises:
        InvalidChildSpec: it is neither.
    """
    if isinstance(child, ChildSpec):
        return child
    of_class = getattr(child, "child_spec", None)
    if isinstance(child, type) and callable(of_class):
        return as_spec(of_class())
    raise InvalidChildSpec(f"a child is a ChildSpec or an actor class, not {child!r}")


def check_children(children: Iterable[object], auto_shutdown: AutoShutdown) -> list[ChildSpec]:
    """Return the specs of a supervisor's first children.

    Raises:
        InvalidChildSpec: one is no spec, two have the same id, or one is significant under a
            supervisor that never shuts down by itself.
    """
    specs: dict[Hashable, ChildSpec] = {}
    for child in children:
        spec = as_spec(child)
        if spec.id in specs:
            raise InvalidChildSpec(f"id: two children are called {spec.id!r}; ids must differ")
        check_significant(spec, auto_shutdown)
        specs[spec.id] = spec
    return list(specs.values())


def check_significant(spec: ChildSpec, auto_shutdown: AutoShutdown) -> None:
    """Refuse a significant child where nobody would act on its end.

    Raises:
        InvalidChildSpec: see above.
    """
    if spec.significant and auto_shutdown is NEVER:
        raise InvalidChildSpec(
            f"significant: child {spec.id!r} is significant, but its supervisor has "
            "auto_shutdown=NEVER; give it ANY_SIGNIFICANT or ALL_SIGNIFICANT"
        )


def _default_type(start: object) -> ChildType:
    of_class = getattr(start, "actor_class", None)
    return getattr(of_class, "child_type", WORKER)


def _default_shutdown(type_: ChildType | None) -> float:
    return INFINITY if type_ is SUPERVISOR else DEFAULT_SHUTDOWN
