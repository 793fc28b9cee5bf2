"""How many processors the daemon's threads run on.

Python runs the bytecode of one thread at a time, so a second processor is of little use to it, and
has a price: whenever a thread hands over to one that waits on another processor, that one has to be
woken. A command goes through four threads. On one processor the next thread goes on where the last
one stopped. Source: David Beazley, "Understanding the Python GIL" (PyCon 2010); docs/performance.md
has what it is worth here.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Sequence

__all__ = ["keep_to", "usable"]


def usable() -> int:
    """Return how many processors this thread may run on."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def keep_to(count: int) -> Sequence[int]:
    """Have this thread, and those that it starts from here on, run on `count` processors.

    Returns those that are left over, for other processes.

    0: on all that the process may use. Which ones is left to chance, so that several daemons do not
    all choose the same. Does nothing where the system has no such call (macOS).

    Raises:
        OSError: the system refuses it.
    """
    if sys.platform != "linux":
        return ()
    mine = sorted(os.sched_getaffinity(0))
    if 0 < count < len(mine):
        chosen = random.sample(mine, count)
        os.sched_setaffinity(0, chosen)
        return tuple(one for one in mine if one not in chosen)
    return ()
