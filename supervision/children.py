"""The ordered table of a supervisor's children: who they are and what state each is in.

Insertion order is start order; stops go through it in reverse. A child is found by its id and by
its ref in O(1).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from supervision.backoff import Pace
from supervision.reasons import Crashed, ExitReason
from supervision.specs import ChildSpec
from supervision.strategies import Member
from supervision.terms import SUPERVISOR, TEMPORARY, ChildType

if TYPE_CHECKING:
    from supervision.ref import Ref
    from supervision.shutdown import Deadline
    from supervision.to_self import ToSelf

__all__ = ["Child", "ChildInfo", "ChildState", "Children", "Counts", "LastCrash"]


class ChildState(Enum):
    """What a child is doing."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class LastCrash:
    """The last abnormal end of a child, and when it was."""

    reason: ExitReason
    at: datetime

    @property
    def traceback(self) -> str | None:
        """The traceback as Python prints it; `None` if it was no exception that ended it."""
        return self.reason.traceback_text() if isinstance(self.reason, Crashed) else None


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """One row of `which_children`.

    `ref` is `None` unless the child has an actor at the moment. `next_restart` is when one that
    waits for its backoff is started again.
    """

    id: Hashable
    ref: Ref | None
    state: ChildState
    type: ChildType
    restarts: int = 0
    last_crash: LastCrash | None = None
    next_restart: datetime | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What `count_children` answers, as OTP counts: all specs, and those that have an actor."""

    specs: int
    active: int
    supervisors: int
    workers: int


class Child:
    """One child: its spec, its state, and what has happened to it. Changed by `Children` alone."""

    __slots__ = ("deadline", "last_crash", "pace", "ref", "restarts", "retry", "spec", "state")

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.state = ChildState.STOPPED
        self.ref: Ref | None = None
        self.restarts = 0
        self.last_crash: LastCrash | None = None
        self.retry: ToSelf | None = None  # the message of the next restart attempt
        self.pace = None if spec.backoff is None else Pace(spec.backoff)
        self.deadline: Deadline | None = None  # when a restart that waits is due

    @property
    def active(self) -> bool:
        """Whether it has an actor, which runs or is about to."""
        return self.ref is not None

    @property
    def temporary(self) -> bool:
        """Whether it is forgotten when it ends."""
        return self.spec.restart is TEMPORARY

    def info(self) -> ChildInfo:
        """Return what outsiders may know."""
        assert self.spec.type is not None
        return ChildInfo(
            id=self.spec.id,
            ref=self.ref,
            state=self.state,
            type=self.spec.type,
            restarts=self.restarts,
            last_crash=self.last_crash,
            next_restart=None if self.pace is None else self.pace.due,
        )


class Children:
    """The children of one supervisor in the order of their start."""

    def __init__(self) -> None:
        self._by_id: dict[Hashable, Child] = {}
        self._by_ref: dict[Ref, Child] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Child]:
        return iter(self._by_id.values())

    def __contains__(self, child_id: Hashable) -> bool:
        return child_id in self._by_id

    def find(self, child_id: Hashable) -> Child | None:
        """Return the child called `child_id`, `None` if there is none."""
        return self._by_id.get(child_id)

    def of(self, ref: Ref) -> Child | None:
        """Return the child whose actor is `ref`, `None` for a stranger or a former child."""
        return self._by_ref.get(ref)

    def add(self, spec: ChildSpec) -> Child:
        """Put a stopped child at the end; its id must be new."""
        assert spec.id not in self._by_id, spec.id
        child = self._by_id[spec.id] = Child(spec)
        return child

    def remove(self, child: Child) -> None:
        """Forget a child."""
        self._unlink(child)
        self._by_id.pop(child.spec.id, None)

    def starting(self, child: Child, ref: Ref) -> None:
        """The child has an actor, which has not yet said that its start succeeded."""
        self._unlink(child)
        child.ref = ref
        self._by_ref[ref] = child
        child.state = ChildState.STARTING

    def running(self, child: Child) -> None:
        """The child's start has succeeded; a temporary one's start arguments are dropped."""
        child.state = ChildState.RUNNING
        if child.temporary:
            child.spec = child.spec.without_arguments()

    def restarting(self, child: Child) -> None:
        """The child has no actor; another attempt to start it is on its way."""
        self._unlink(child)
        child.state = ChildState.RESTARTING

    def stopped(self, child: Child) -> None:
        """The child has no actor and gets none by itself; a temporary one is forgotten."""
        self._unlink(child)
        child.state = ChildState.STOPPED
        if child.temporary:
            self.remove(child)

    def members(self) -> list[Member]:
        """Return the children as a strategy sees them, in start order."""
        return [Member(child.spec.id, child.temporary) for child in self]

    def in_reverse(self) -> list[Child]:
        """Return the children in the order in which they are stopped."""
        return list(reversed(self._by_id.values()))

    def significant_left(self) -> bool:
        """Return whether a significant child runs or is being restarted."""
        return any(
            child.spec.significant and child.state is not ChildState.STOPPED for child in self
        )

    def counts(self) -> Counts:
        """Return the counts; one that waits for a restart is a spec, but not active."""
        supervisors = sum(child.spec.type is SUPERVISOR for child in self)
        return Counts(
            specs=len(self),
            active=sum(child.active for child in self),
            supervisors=supervisors,
            workers=len(self) - supervisors,
        )

    def _unlink(self, child: Child) -> None:
        if child.ref is not None:
            del self._by_ref[child.ref]
            child.ref = None
