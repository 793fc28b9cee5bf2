"""Who waits for whom: a cycle of asks is an error at once, and not a wait without an end.

An actor that waits for an answer is marked with the actor that it waits for. The mark is set before
the chain is followed, so of two actors that begin to wait for each other at the same moment at
least one sees the cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from supervision import execution
from supervision.errors import CallCycle

if TYPE_CHECKING:
    from supervision.ref import Ref

__all__ = ["check_cycle", "follow", "waiting_for"]


def check_cycle(target: Ref) -> None:
    """Raise `CallCycle` if the actor on this thread must not wait for `target`.

    Outside actors nobody can be waiting for the caller, and nothing is checked.
    """
    asker = execution.current_ref()
    if asker is not None:
        follow(asker, target)


@contextmanager
def waiting_for(target: Ref | None) -> Iterator[None]:
    """Mark the actor on this thread as waiting for `target` within the block."""
    asker = execution.current_ref()
    if asker is None or target is None:
        yield
        return
    before, asker.waiting_on = asker.waiting_on, target
    try:
        follow(asker, target)
        yield
    finally:
        asker.waiting_on = before


def follow(asker: Ref, target: Ref) -> None:
    """Raise `CallCycle` if `target` waits, directly or through others, for `asker`, or is it."""
    path = [asker, target]
    node: Ref | None = target
    while node is not None and node is not asker:
        node = node.waiting_on
        if node is not None:
            if node in path[1:]:
                return  # a cycle that the asker is not part of: its own members report it
            path.append(node)
    if node is asker:
        raise CallCycle([ref.label for ref in path])
