"""The children of a dynamic supervisor: one small record each, found by ref in O(1)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from supervision.backoff import Pace
from supervision.children import ChildInfo, ChildState, Counts, LastCrash
from supervision.specs import ChildSpec, Start
from supervision.terms import SUPERVISOR, TEMPORARY

if TYPE_CHECKING:
    from supervision.future import Future
    from supervision.reasons import ExitReason
    from supervision.ref import Ref
    from supervision.shutdown import Deadline, Stopping

__all__ = ["DynamicChild", "DynamicChildren"]


class DynamicChild:
    """One child and what is going on with it.

    Attributes:
        ref: its actor; of one that waits to be restarted, the actor that has ended.
        start_reply: who waits for its first start.
        stop_replies: who waits for its termination; `None` unless that was asked for.
        state: what is known of it; that a start succeeded is told only where it is waited for.
        stopping: how far its stop has gone; `None` unless it is being stopped.
        deadline: when its start, its stop or its next restart is due.
        failure: why its start is being cut short.
        pace: how far its backoff has gone; `None` unless its spec has one.
    """

    __slots__ = (
        "deadline",
        "failure",
        "id",
        "last_crash",
        "pace",
        "ref",
        "restarts",
        "spec",
        "start_reply",
        "state",
        "stop_replies",
        "stopping",
    )

    def __init__(self, child_id: Hashable, spec: ChildSpec, ref: Ref) -> None:
        self.id = child_id
        self.spec = spec
        self.ref = ref
        self.state = ChildState.STARTING
        self.restarts = 0
        self.last_crash: LastCrash | None = None
        self.start_reply: Future[Any] | None = None
        self.stop_replies: list[Future[Any]] | None = None
        self.stopping: Stopping | None = None
        self.deadline: Deadline | None = None
        self.failure: ExitReason | None = None
        self.pace = None if spec.backoff is None else Pace(spec.backoff)

    @property
    def active(self) -> bool:
        """Whether it has an actor."""
        return self.state is not ChildState.RESTARTING

    @property
    def has_started(self) -> bool:
        """Whether it has an actor whose start has succeeded."""
        started = self.state is ChildState.STARTING and self.ref.has_started
        return started or self.state is ChildState.RUNNING

    def info(self) -> ChildInfo:
        """Return what outsiders may know."""
        assert self.spec.type is not None
        return ChildInfo(
            id=self.id,
            ref=self.ref,
            state=ChildState.RUNNING if self.has_started else self.state,
            type=self.spec.type,
            restarts=self.restarts,
            last_crash=self.last_crash,
            next_restart=None if self.pace is None else self.pace.due,
        )


class DynamicChildren:
    """The table. Everything but a listing is O(1), counts included."""

    def __init__(self) -> None:
        self._by_ref: dict[Ref, DynamicChild] = {}
        self._kept_specs: dict[Hashable, ChildSpec] = {}
        self._supervisors = 0
        self._significant = 0
        self._restarting = 0

    def __len__(self) -> int:
        return len(self._by_ref)

    def __iter__(self) -> Iterator[DynamicChild]:
        return iter(self._by_ref.values())

    def of(self, ref: object) -> DynamicChild | None:
        """Return the child of `ref`, `None` for a stranger."""
        return self._by_ref.get(ref)  # type: ignore[call-overload, no-any-return]

    def add(self, spec: ChildSpec, ref: Ref) -> DynamicChild:
        """Put in a child that has an actor since now."""
        child = DynamicChild(spec.id, self._kept(spec), ref)
        self._by_ref[ref] = child
        self._supervisors += spec.type is SUPERVISOR
        self._significant += spec.significant
        return child

    def remove(self, child: DynamicChild) -> None:
        """Forget a child."""
        del self._by_ref[child.ref]
        self._supervisors -= child.spec.type is SUPERVISOR
        self._significant -= child.spec.significant
        self._restarting -= not child.active

    def running(self, child: DynamicChild) -> None:
        """Its start has succeeded."""
        child.state = ChildState.RUNNING

    def restarting(self, child: DynamicChild) -> None:
        """It has no actor; another attempt to start it is on its way. It keeps its place."""
        if child.active:
            self._restarting += 1
            child.state = ChildState.RESTARTING

    def restarted(self, child: DynamicChild, ref: Ref) -> None:
        """It has another actor since now."""
        self._restarting -= not child.active
        child.state = ChildState.STARTING
        del self._by_ref[child.ref]
        child.ref = ref
        self._by_ref[ref] = child

    def significant_left(self) -> bool:
        """Return whether there is a significant child."""
        return self._significant > 0

    def counts(self) -> Counts:
        """Return the counts; one that waits for a restart is a spec, but not active."""
        return Counts(
            specs=len(self),
            active=len(self) - self._restarting,
            supervisors=self._supervisors,
            workers=len(self) - self._supervisors,
        )

    def infos(self, limit: int | None) -> list[ChildInfo]:
        """Return the first `limit` children as outsiders may know them."""
        return [child.info() for child in islice(self, limit)]

    def _kept(self, spec: ChildSpec) -> ChildSpec:
        """Return what is kept of a spec: of temporary children of one kind, one spec for all."""
        if spec.restart is not TEMPORARY:
            return spec
        kind = spec.start.actor_class if isinstance(spec.start, Start) else None
        is_supervisor = spec.type is SUPERVISOR
        key = (kind, spec.shutdown, is_supervisor, spec.significant, spec.await_start)
        kept = self._kept_specs.get(key)
        if kept is None:
            bare = spec.without_arguments()
            kept = replace(bare, id=kind or "function", name=None, dispatcher=None, mailbox=None)
            self._kept_specs[key] = kept
        return kept
