"""SIGINT, SIGTERM and SIGHUP (the terminal was closed), heard by a thread of its own.

A Python signal handler runs on the main thread when that next runs Python. One that is about to
wait on a lock may begin to wait after the signal has come: then it does not hear of it until the
wait is over, which may be never. So the signals are blocked in all threads, and one thread waits
for nothing else (`sigwait(3)`).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["heard"]


@contextmanager
def heard(on_signal: Callable[[str], None]) -> Iterator[None]:
    """Call `on_signal(name)` for each of them within the block.

    Enter it on the main thread before others are started: they inherit what it blocks. The calls
    are made on a thread that is only for that, one after the other.
    """
    over = threading.Event()
    awaited = {signal.SIGINT, signal.SIGTERM}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
        awaited.add(signal.SIGHUP)

    def listen() -> None:
        while True:
            number = signal.sigwait(awaited)
            if over.is_set():
                return
            on_signal(signal.Signals(number).name)

    blocked_before = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    listener = threading.Thread(target=listen, name="signals", daemon=True)
    listener.start()
    try:
        yield
    finally:
        over.set()
        assert listener.ident is not None
        signal.pthread_kill(listener.ident, signal.SIGTERM)
        listener.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked_before)
