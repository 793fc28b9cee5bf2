"""The garbage collector of the daemon's process.

Python's collector goes over all objects that are alive whenever a quarter has been added to them:
with a million aggregates that stops everything for seconds, to find next to nothing. What ends here
leaves no cycles behind but for the traces of crashes, and those are young. So what the start has
made is never looked at again, the young are looked at less often, and all the rest hardly ever.
The middle generation is kept small: where twenty of the young make one of it, a look at it stopped
everything for 150 ms while many were started; where two do it is 30 ms, and no more in all.
This is for a process that is the ledger's own; the libraries leave the collector as it is.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

__all__ = ["settle"]

IS_INCREMENTAL = sys.version_info >= (3, 14)
"""Then the second number says how small a part of the old is looked at each time."""

THRESHOLDS = (50_000, 20, 1_000) if IS_INCREMENTAL else (50_000, 2, 10_000)


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
