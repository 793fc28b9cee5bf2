"""Who may go on, and who waits for somebody that wants the same; pure.

Two commands that read the same stream and write it can only conflict. So they take turns: each
stands in the queue of every key that it needs, in the order in which they came, and goes on when it
is the first in all of them. There is no deadlock: whoever came first is first everywhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable

__all__ = ["Turns"]


class Turns:
    """Queues of ticket numbers by key. Not thread-safe: it belongs to one actor.

    Example:
        >>> turns = Turns()
        >>> turns.enter(1, ["a", "b"]), turns.enter(2, ["b"]), turns.enter(3, ["c"])
        (True, False, True)
        >>> turns.leave(1)
        [2]
    """

    def __init__(self) -> None:
        self._queues: dict[Hashable, deque[int]] = {}
        self._keys: dict[int, tuple[Hashable, ...]] = {}

    def enter(self, ticket: int, keys: Iterable[Hashable]) -> bool:
        """Stand in line for `keys`; return whether the ticket may go on at once."""
        self._keys[ticket] = tuple(dict.fromkeys(keys))
        for key in self._keys[ticket]:
            self._queues.setdefault(key, deque()).append(ticket)
        return self._is_first(ticket)

    def leave(self, ticket: int) -> list[int]:
        """Give the keys free; return the tickets that may go on because of it, first come first."""
        freed = self._keys.pop(ticket, ())
        heads: set[int] = set()
        for key in freed:
            queue = self._queues[key]
            queue.remove(ticket)
            if queue:
                heads.add(queue[0])
            else:
                del self._queues[key]
        return sorted(head for head in heads if self._is_first(head))

    def _is_first(self, ticket: int) -> bool:
        return all(self._queues[key][0] == ticket for key in self._keys[ticket])
