"""The terminal's foreground, taken by the daemon for itself while it runs.

Ctrl-C goes to every process in the terminal's foreground group. Under `make run` that is make too,
which then ends with a failure of its own, however well the daemon stopped. So the daemon can move
into a group of its own and make that the foreground one, as a shell does with a job
(`tcsetpgrp(3)`, and libc's manual on implementing a job control shell). SIGTERM to make still
comes: make passes it on to the process that it started, in whatever group.

A terminal that is closed tells its session's leader alone. A shell ends then, and the system tells
the foreground group. Make, where it is the leader, waits for the processes that it started instead,
as if they had been told. So the daemon looks for itself whether its terminal is still there.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
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
        with _told_of_hang_up(terminal):
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


@contextmanager
def _told_of_hang_up(terminal: int) -> Iterator[None]:
    """Have this process get SIGHUP when the terminal is closed within the block."""
    over, end = os.pipe()

    def watch() -> None:
        looked_at = select.poll()
        looked_at.register(terminal, 0)  # nothing but its end
        looked_at.register(over, select.POLLIN)
        if dict(looked_at.poll()).get(terminal, 0) & select.POLLHUP:
            os.kill(os.getpid(), signal.SIGHUP)

    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    watcher = threading.Thread(target=watch, name="terminal", daemon=True)
    try:
        watcher.start()  # with the mask of this moment: no signal is for it
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield
    finally:
        os.close(end)  # which is readable as the end of the pipe
        watcher.join()
        os.close(over)


def _bring_to_front(terminal: int, group: int) -> None:
    """Make a group the foreground one. The system stops a background process that does so."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        os.tcsetpgrp(terminal, group)
    finally:
        signal.signal(signal.SIGTTOU, before)
