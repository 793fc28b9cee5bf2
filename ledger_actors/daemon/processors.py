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

__all__ = ["keep_to"]


def keep_to(count: int) -> None:
    """Have this thread, and those that it starts from here on, run on `count` processors.

    0: on all that the process may use. Which ones is left to chance, so that several daemons do not
    all choose the same. Does nothing where the system has no such call (macOS).

    Raises:
        OSError: the system refuses it.
    """
    if sys.platform != "linux":
        return
    usable = sorted(os.sched_getaffinity(0))
    if 0 < count < len(usable):
        os.sched_setaffinity(0, random.sample(usable, count))
