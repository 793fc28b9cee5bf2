"""An actor that ends when nobody has wanted anything of it for a while.

There may be a million of them, so none has a timer of its own: those that are due at about the same
time are looked at together, on the timers' thread, and only one that is idle hears of it.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from supervision import SHUTDOWN, Actor, Ref, Timers
from supervision.execution import shield
from supervision.messages import SystemMessage

if TYPE_CHECKING:
    from ledger_actors.runtime.system import System

__all__ = ["IdleLooks", "Passivated"]

GRAINS = 100
"""How many looks there are within the idle time; an actor may live so much longer than that."""

KEPT_ENDED = 1024


class _IdleCheck(SystemMessage):
    """Look whether nobody has wanted anything for a while."""

    __slots__ = ()

    def handle(self, actor: Any) -> None:
        actor.on_idle_check()


_IDLE_CHECK = _IdleCheck()


class _Look:
    """Those that are looked at together."""

    __slots__ = ("most", "refs")

    def __init__(self) -> None:
        self.refs: list[Ref] = []
        self.most = KEPT_ENDED

    def add(self, ref: Ref) -> None:
        self.refs.append(ref)
        if len(self.refs) > self.most:  # one that is started again and again leaves a ref each time
            self.refs = [one for one in self.refs if one.is_alive()]
            self.most = max(KEPT_ENDED, 2 * len(self.refs))


class IdleLooks:
    """The looks to come: one timer each. For any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._looks: dict[tuple[float, int], _Look] = {}

    def add(self, ref: Ref, timers: Timers, seconds: float, idle_time: float) -> None:
        """Look at `ref` in `seconds`, or a hundredth of `idle_time` later."""
        now, grain = timers.clock.monotonic(), idle_time / GRAINS
        key = (idle_time, int((now + seconds) / grain) + 1)
        with self._lock:
            look = self._looks.get(key)
            if look is not None:
                look.add(ref)
                return
        with shield():  # a look without a timer would never come
            with self._lock:
                is_new = key not in self._looks
                self._looks.setdefault(key, _Look()).add(ref)
            if is_new:
                timers.call_after(key[1] * grain - now, lambda: self._take(key))

    def _take(self, key: tuple[float, int]) -> None:
        with self._lock:
            look = self._looks.pop(key)
        for ref in look.refs:
            actor = ref.running
            if isinstance(actor, Passivated):
                actor.look_if_idle()


class Passivated(Actor):
    """Its next message, by way of whoever starts it, starts another one: none is lost.

    A subclass calls `arm_idle_timer` when it has started and `used` for each message that counts.
    """

    def __init__(self, system: System) -> None:
        super().__init__()
        self._system = system
        self._used_at = 0.0

    def is_busy(self) -> bool:
        """Return whether it must not end now, however idle it looks."""
        return False

    def idle_timeout(self) -> float:
        """Return the seconds without a message after which it ends; 0: never."""
        return self._system.options.idle_timeout

    def used(self) -> None:
        """Take note that somebody wanted something."""
        self._used_at = self._system.clock.monotonic()

    def look_if_idle(self) -> None:
        """Have it look itself if nobody has wanted anything for a while; from any thread."""
        idle_for = self._idle_for()
        if idle_for < self.idle_timeout():
            self.arm_idle_timer(idle_for)
        else:
            self.actor_ref.signal(_IDLE_CHECK)

    def on_idle_check(self) -> None:
        """End if nobody has wanted anything for a while and nothing is under way."""
        idle_for = self._idle_for()
        if idle_for < self.idle_timeout() or self.is_busy():
            self.arm_idle_timer(idle_for)
        else:
            self.exit(SHUTDOWN)

    def arm_idle_timer(self, idle_for: float = 0.0) -> None:
        """Look again when the rest of the time is over, but not at once."""
        system = self._system
        timeout = self.idle_timeout()
        if timeout:
            wait = max(timeout - idle_for, timeout / 10)
            system.idle_looks.add(self.actor_ref, system.timers, wait, timeout)

    def _idle_for(self) -> float:
        return self._system.clock.monotonic() - self._used_at
