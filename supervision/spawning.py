"""Starting an actor: constructed in its starter's thread, named, linked, and set running.

Whatever goes wrong on the way is raised to the starter, and leaves no name, no link and no thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from supervision import links
from supervision.execution import shield
from supervision.reasons import Crashed

if TYPE_CHECKING:
    from supervision.actor import Actor
    from supervision.dispatch import Dispatcher
    from supervision.mailbox import Mailbox
    from supervision.ref import Ref
    from supervision.registry import Name

__all__ = ["launch", "spawn"]

A = TypeVar("A", bound="Actor")


def spawn(
    actor_class: type[A],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    parent: Ref | None = None,
    name: Name | None = None,
    dispatcher: Dispatcher | None = None,
    link_to: Ref | Name | None = None,
    mailbox: Mailbox | None = None,
    tells_start: bool = True,
) -> Ref:
    """Construct an actor in this thread, register its name, and start its loop; do not wait.

    The parent is told `Started(ref)` once when `on_start` has succeeded, and `Exited(ref, reason)`
    once when the loop has really ended, whatever the cause. With `tells_start=False` only the end
    is told. With `link_to` it is linked before it runs: Erlang's `spawn_link`. If that actor has
    ended, the new one ends before its `on_start`.

    Raises:
        Ignore: its `__init__` declined the start.
        AlreadyRegistered: somebody has the name.
        NoProcess: nobody has the name that `link_to` is.
        RuntimeError: there is no thread for it, or its pool is closed.
        Exception: whatever `__init__` raised.
    """
    partner = None if link_to is None else links.resolve(link_to)
    actor = _construct(actor_class, args, kwargs or {}, mailbox)
    ref = actor.actor_ref
    ref.parent = parent
    ref.tells_start = tells_start
    if dispatcher is not None:
        ref.dispatcher = dispatcher
    with shield():  # a kill of the starter must not leave a name behind that nobody answers to
        if name is not None:
            try:
                name.register(ref)
            except BaseException:
                ref.discard()
                raise
        if partner is not None:
            links.link(ref, partner)
        return launch(actor)


def _construct(
    actor_class: type[A], args: Sequence[Any], kwargs: Mapping[str, Any], mailbox: Mailbox | None
) -> A:
    """Call the class; where its `__init__` raises, give up the names that it had taken by then."""
    actor: A = actor_class.__new__(actor_class, *args, **kwargs)
    if mailbox is not None:
        actor.mailbox = mailbox  # before its `__init__`, which makes the ref and may give it away
    try:
        actor.__init__(*args, **kwargs)  # type: ignore[misc] # as `type.__call__` does
    except BaseException:
        if hasattr(actor, "_ref"):
            actor.actor_ref.discard()
        raise
    return actor


def launch(actor: Actor, *, in_pykka_registry: bool = False) -> Ref:
    """Set an actor running that was constructed; `in_pykka_registry`: and show it there.

    Raises:
        RuntimeError: there is no thread for it, or its pool is closed; the actor has ended.
    """
    ref = actor.actor_ref
    with shield():
        if in_pykka_registry:
            ref.join_pykka_registry()
        try:
            actor._start_actor_loop()  # noqa: SLF001 - Pykka's seam
        except RuntimeError as exception:  # the system has no thread left, or the pool is closed
            ref.parent = None
            links.drop(ref)
            ref.end(Crashed(exception))
            raise
    return ref
