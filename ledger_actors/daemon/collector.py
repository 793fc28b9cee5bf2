"""The garbage collector of the daemon's process.

Python's collector goes over all objects that are alive whenever a quarter has been added to them:
with a million aggregates that stops everything for seconds, to find next to nothing. What ends here
leaves no cycles behind but for the traces of crashes, and those are young. So what the start has
made is never looked at again, the young are looked at less often, and all the rest hardly ever.
The middle generation is kept small: with the usual ten of the young, or twenty, in it, a look at it
stopped everything for 150 ms while many were started; with two it is 30 ms, and no more in all.
This is for a process that is the ledger's own; the libraries leave the collector as it is.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

__all__ = ["settle"]

THRESHOLDS = (50_000, 2, 10_000)


def settle() -> Callable[[], None]:
    """Set the collector for a long run; called once, when all that stays has been made.

    Returns a function that puts it back to what it was.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)

    def restore() -> None:
        gc.set_threshold(*before)
        gc.unfreeze()

    return restore
