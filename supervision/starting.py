"""Making a child's actor, and what may come of it.

Runs in the supervisor's thread. Whatever a child's constructor or start function raises is the
outcome of the start, and never the end of the supervisor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from supervision.errors import AlreadyRegistered, AlreadyStarted, Ignore, StartFailed
from supervision.executor import ActorKilled
from supervision.monitors import monitor
from supervision.reasons import Crashed, ExitReason
from supervision.ref import Ref
from supervision.spawning import spawn
from supervision.specs import ChildSpec, Start

__all__ = ["Aborted", "Failed", "Ignored", "Launched", "Outcome", "declined", "launch"]


@dataclass(slots=True)  # not frozen, which would take as long again: there is one for each start
class Launched:
    """There is an actor. `acknowledged`: it runs; else it will tell so, if it was asked to."""

    ref: Ref
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class Ignored:
    """The child declined to start: no actor, and no failure."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The child could not be started, for this reason."""

    reason: ExitReason

    def error(self, spec: ChildSpec) -> StartFailed | AlreadyStarted:
        """Return what somebody who asked for this start gets: the child's id and the cause."""
        cause = self.reason.exception if isinstance(self.reason, Crashed) else None
        if isinstance(cause, AlreadyRegistered):
            return AlreadyStarted(spec.id, cause.ref)
        error = StartFailed(spec.id, self.reason)
        error.__cause__ = cause
        return error


@dataclass(frozen=True, slots=True)
class Aborted:
    """The supervisor itself was asked to stop while it waited for the child."""


Outcome: TypeAlias = Launched | Ignored | Failed | Aborted


def launch(
    spec: ChildSpec,
    parent: Ref,
    child_of: Callable[[Ref], object],
    *,
    tells_start: bool = True,
) -> Launched | Ignored | Failed:
    """Make the child's actor and start its loop; do not wait for its `on_start`.

    With `tells_start` the parent is told when that has succeeded. `child_of` returns the child that
    an actor is of already: a start function may return any ref.
    """
    try:
        ref, acknowledged = _make(spec, parent, child_of, tells_start)
    except Ignore:
        return Ignored()
    except ActorKilled:
        raise  # the supervisor's own end
    except BaseException as exception:  # noqa: BLE001 - the child's, whatever it is
        return Failed(Crashed(exception))
    if parent.exit_reason is not None:
        ref.kill()  # the supervisor was abandoned while it made this child: nobody would stop it
    return Launched(ref, acknowledged)


def declined(reason: ExitReason) -> bool:
    """Return whether a start that failed for `reason` was declined, in `on_start`."""
    return isinstance(reason, Crashed) and isinstance(reason.exception, Ignore)


def _make(
    spec: ChildSpec, parent: Ref, child_of: Callable[[Ref], object], tells_start: bool
) -> tuple[Ref, bool]:
    start = spec.start
    if isinstance(start, Start):
        ref = spawn(
            start.actor_class,
            start.args,
            start.kwargs,
            parent=parent,
            name=spec.name,
            dispatcher=spec.dispatcher,
            mailbox=spec.mailbox,
            tells_start=tells_start,
        )
        return ref, False
    made: object = start()
    if not isinstance(made, Ref):
        msg = f"the start function of child {spec.id!r} returned {made!r}, not a ref"
        raise TypeError(msg)
    if child_of(made) is not None:
        msg = f"the start function of child {spec.id!r} returned {made}, which is a child already"
        raise ValueError(msg)
    monitor(made, parent)
    return made, True
