"""An actor that ends when nobody has wanted anything of it for a while."""

from __future__ import annotations

from typing import Any

from ledger_actors.runtime.system import System
from supervision import SHUTDOWN, Actor, Timer
from supervision.messages import SystemMessage

__all__ = ["Passivated"]


class _IdleCheck(SystemMessage):
    """Look whether nobody has wanted anything for a while."""

    __slots__ = ()

    def handle(self, actor: Any) -> None:
        actor.on_idle_check()


class Passivated(Actor):
    """Its next message, by way of whoever starts it, starts another one: none is lost.

    A subclass calls `arm_idle_timer` when it has started and `used` for each message that counts.
    """

    def __init__(self, system: System) -> None:
        super().__init__()
        self._system = system
        self._used_at = 0.0
        self._idle_timer: Timer | None = None

    def is_busy(self) -> bool:
        """Return whether it must not end now, however idle it looks."""
        return False

    def used(self) -> None:
        """Take note that somebody wanted something."""
        self._used_at = self._system.clock.monotonic()

    def on_idle_check(self) -> None:
        """End if nobody has wanted anything for a while and nothing is under way."""
        idle_for = self._system.clock.monotonic() - self._used_at
        if idle_for < self._system.options.idle_timeout or self.is_busy():
            self.arm_idle_timer(idle_for)
        else:
            self.exit(SHUTDOWN)

    def arm_idle_timer(self, idle_for: float = 0.0) -> None:
        """Look again when the rest of the time is over, but not at once."""
        timeout = self._system.options.idle_timeout
        if timeout:
            wait = max(timeout - idle_for, timeout / 10)
            self._idle_timer = self._system.timers.send_after(wait, self.actor_ref, _IdleCheck())

    def cancel_idle_timer(self) -> None:
        """Take back the next look."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()

    def on_stop(self) -> None:
        """Take back the next look."""
        self.cancel_idle_timer()

    def on_failure(self, *_args: Any) -> None:
        """Take back the next look."""
        self.cancel_idle_timer()
