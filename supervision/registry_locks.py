"""A lock for each key: one actor or thread at a time does something about it.

After Elixir's `Registry.lock <https://hexdocs.pm/elixir/Registry.html#lock/3>`_. Whoever has the
lock stands first in the key's line, and the others behind it in order. The end of an actor takes it
out of every line, also one whose thread is stuck and that had to be abandoned. A wait for a lock is
a wait for who has it, so that a cycle of locks and asks is an error and not a hang.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from supervision.calls import follow
from supervision.errors import ActorDead, CallCycle, CallTimeout
from supervision.execution import blocking, current_ref, shield
from supervision.monitors import monitor
from supervision.ref import Ref
from supervision.registrations import slot_of

if TYPE_CHECKING:
    from supervision.calls import Awaited

__all__ = ["KeyLocks"]


class _Turn:
    """One who has the lock, or waits for it."""

    __slots__ = ("arrived", "before", "has_it", "ref", "thread")

    def __init__(self) -> None:
        self.ref: Ref | None = current_ref()
        self.thread = threading.get_ident()  # not the thread: a turn must not be its last owner
        self.arrived: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.before: Awaited | None = None
        self.has_it = False

    @property
    def target(self) -> Ref | None:
        """The actor whose turn this is, for those that wait until it is over."""
        return self.ref

    def wait_for(self, holder: _Turn) -> None:
        """Show that this one waits for `holder`."""
        if self.ref is not None:
            self.ref.waiting_on = holder

    def done_waiting(self) -> None:
        """Show that it waits no more."""
        if self.ref is not None:
            self.ref.waiting_on = self.before


class KeyLocks:
    """The locks of one registry. A key that nobody has locked costs nothing."""

    __slots__ = ("_lines", "_mutex")

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._lines: dict[Hashable, deque[_Turn]] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def waiting(self, key: Hashable) -> int:
        """Return how many wait for the lock of `key`."""
        return max(0, len(self._lines.get(slot_of(key), ())) - 1)

    @contextmanager
    def hold(self, key: Hashable, *, timeout: float | None = None) -> Iterator[None]:
        """Have the lock of `key` within the block; as `Registry.lock`."""
        slot, turn = slot_of(key), _Turn()
        if turn.ref is not None and turn.ref.exit_reason is not None:
            raise ActorDead(turn.ref.label, turn.ref.exit_reason)
        watch = monitor(turn.ref, lambda _: self._step_out(slot, turn)) if turn.ref else None
        try:
            self._join(slot, turn)
            if not turn.has_it:
                self._wait(turn, timeout)
            yield
        finally:
            self._step_out(slot, turn)
            if watch is not None:
                watch.cancel()

    def _join(self, slot: Hashable, turn: _Turn) -> None:
        with shield(), self._mutex:
            line = self._lines.setdefault(slot, deque())
            line.append(turn)
            turn.has_it = line[0] is turn
            if not turn.has_it:
                turn.before = turn.ref.waiting_on if turn.ref else None
                turn.wait_for(line[0])
                self._refuse_cycle(turn, line[0])

    def _wait(self, turn: _Turn, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        with blocking(wake=turn.arrived):
            while not turn.has_it:
                remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
                try:
                    turn.arrived.get(timeout=remaining)
                except queue.Empty:
                    break
        if not turn.has_it:
            msg = f"the lock was not free within {timeout} seconds"
            raise CallTimeout(msg)

    def _refuse_cycle(self, turn: _Turn, holder: _Turn) -> None:
        # Under the mutex, or the holder could be somebody who waits for this one by now.
        if turn.ref is not None and holder.ref is not None:
            follow(turn.ref, holder.ref)
        elif turn.ref is holder.ref and turn.thread == holder.thread:
            name = threading.current_thread().name
            raise CallCycle([name, name])

    def _step_out(self, slot: Hashable, turn: _Turn) -> None:
        with shield(), self._mutex:
            line = self._lines.get(slot)
            if line is None or turn not in line:
                return  # the actor's end was here first, or the line was never joined
            was_first = line[0] is turn
            line.remove(turn)
            if not was_first:
                turn.done_waiting()
            elif line:
                self._pass_on(line)
            if not line:
                del self._lines[slot]

    def _pass_on(self, line: deque[_Turn]) -> None:
        first = line[0]
        first.done_waiting()
        first.has_it = True
        first.arrived.put(None)
        for other in line:
            if other is not first:
                other.wait_for(first)
