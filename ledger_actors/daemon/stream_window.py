"""How many commands of a stream are under way at once: many alone, few beside single commands.

The ledger answers in the order in which commands come, so what is under way is what a single one
finds before it in the queues. While single ones come, a stream therefore keeps to what is done in a
few milliseconds. How many that are is measured, since it depends on the machine and on the disk.
"""

from __future__ import annotations

WIDEST = 256
"""More do not make it faster, and are all before a single command that comes now and then."""

NARROWEST = 16
SHARED_SECONDS = 0.003
FASTEST_FALL, FASTEST_RISE = 0.25, 1.25


class StreamWindow:
    """The window of one stream."""

    def __init__(self) -> None:
        self.size = WIDEST

    def room(self, under_way: int) -> int:
        """How many may set out now; none before half of those under way have come back."""
        free = self.size - under_way
        return free if 2 * free >= self.size else 0

    def took(self, seconds: float, under_way: int) -> None:
        """Fit the window to what some commands took, from setting out to their answers.

        `under_way`: how many then were, these included: fewer than the window has room for, where
        whoever sends them has a narrower one.
        """
        factor = min(max(SHARED_SECONDS / max(seconds, 1e-6), FASTEST_FALL), FASTEST_RISE)
        now = min(self.size, under_way) if factor < 1 else self.size
        self.size = min(max(int(now * factor) + 1, NARROWEST), WIDEST)

    def widen(self) -> None:
        """Nobody else is there."""
        self.size = WIDEST
