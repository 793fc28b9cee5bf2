"""The terminal's foreground, taken by the daemon for itself while it runs.

Ctrl-C goes to every process in the terminal's foreground group. Under `make run` that is make too,
which then ends with a failure of its own, however well the daemon stopped. So the daemon can move
into a group of its own and make that the foreground one, as a shell does with a job
(`tcsetpgrp(3)`, and libc's manual on implementing a job control shell). SIGTERM to make still
comes: make passes it on to the process that it started, in whatever group.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["own_foreground"]


@contextmanager
def own_foreground() -> Iterator[None]:
    """Be alone in the terminal's foreground within the block; on the main thread.

    Nothing happens where there is no terminal, or where this process runs in its background.
    Ctrl-Z does nothing meanwhile: who started this process would not hear that it sleeps, and the
    terminal would be dead.
    """
    terminal = _terminal()
    before = os.getpgrp()
    if terminal is None or os.tcgetpgrp(terminal) != before or before == os.getpid():
        yield
        return
    held_back = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    os.setpgid(0, 0)
    _bring_to_front(terminal, os.getpgrp())
    try:
        yield
    finally:
        with suppress(OSError):  # that group has ended: whose terminal it is is its shell's matter
            _bring_to_front(terminal, before)
        signal.signal(signal.SIGTSTP, held_back)


def _terminal() -> int | None:
    """The file descriptor of standard input, where that is this session's terminal."""
    try:
        number = sys.stdin.fileno()
        os.tcgetpgrp(number)
    except (AttributeError, OSError, ValueError):  # none, closed, or another session's
        return None
    return number


def _bring_to_front(terminal: int, group: int) -> None:
    """Make a group the foreground one. The system stops a background process that does so."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        os.tcsetpgrp(terminal, group)
    finally:
        signal.signal(signal.SIGTTOU, before)
