"""How many events a batch has: as many as its projector takes in a moment.

What several events of a batch change is read and written once: of a thousand accounts' deposits one
costs 3.9 µs in batches of 4,096 and 3.0 in batches of 16,384. But until a batch is done its
projector answers nobody, and the others wait for theirs.
"""

from __future__ import annotations

from typing import Final

__all__ = ["FEWEST", "MOMENT", "USUAL", "BatchSize"]

FEWEST: Final = 256
USUAL: Final = 4096
MOST: Final = 16_384
MOMENT: Final = 0.2
"""Seconds that a batch is to take at most, as far as `FEWEST` allow it."""

_COMMIT = 0.0005
_STEP = 4
"""So many times the size before: what was seen may not be all that there is to see."""


class BatchSize:
    """The size of a projector's next batch, `events`: a power of two from `FEWEST` to `MOST`."""

    def __init__(self) -> None:
        self.events = FEWEST

    def took(self, seconds: float, events: int) -> None:
        """Take note of how long it took to project so many events, and to commit them.

        Where there were none it is not known how long one takes.
        """
        each = max(seconds - _COMMIT, 0.0) / events if events else MOMENT / USUAL
        most = min(self.events * _STEP, MOST)
        fits = min(most, int(MOMENT / each)) if each else most
        self.events = max(FEWEST, _power_of_two(fits))

    def failed(self) -> None:
        """Take note that a batch could not be done: the next few come through, or show why."""
        self.events = FEWEST


def _power_of_two(most: int) -> int:
    return 1 << max(0, most.bit_length() - 1)
