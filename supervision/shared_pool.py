"""The pool that all have who ask for none in particular."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from supervision.dispatch import Runnable
from supervision.pool import Pool

if TYPE_CHECKING:
    from supervision.executor import Executor
    from supervision.ref import Ref

__all__ = ["POOLED", "SharedPool"]


class SharedPool:
    """A pool that is made when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The pool itself."""
        if self._pool is None:
            with self._lock:
                if self._pool is None:
                    self._pool = Pool(name="shared-pool")
        return self._pool

    def resize(self, size: int) -> None:
        """Let `size` actors run at once, here and from now on; idle threads retire.

        Raises:
            ValueError: it is below one.
        """
        self.pool.size = size

    def begin(self, actor: Runnable) -> None:
        """Run the actor on the shared pool from now on."""
        actor.actor_ref.dispatcher = self.pool
        self.pool.begin(actor)

    def wake(self, ref: Ref) -> None:
        """Queue a turn for `ref` unless it has one already."""
        self.pool.wake(ref)

    def replace(self, executor: Executor) -> None:
        """Start a worker in the place of one whose thread is stuck."""
        self.pool.replace(executor)


POOLED = SharedPool()
