"""What CPython does with an exception that one thread raises in another.

`PyThreadState_SetAsyncExc` is the only way to interrupt a thread, and has two traps:

*A thread that starts another.* In 3.11 the state of a new thread carries its starter's identity
until the system first runs it. An exception for the starter then goes to the new thread, which dies
before it has said that it runs, and the starter waits for that for ever. So `Thread.start` is one
step there: nobody interrupts it. From 3.12 on a new thread has no identity until it runs.

*Code that nobody called.* In a callback of the garbage collector, of a weak reference or in a
`__del__` there is no caller to raise it to; CPython prints it and goes on. Such an exception is
raised again, and not printed: `sys.unraisablehook` is called on the thread that has lost it.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import wraps

__all__ = ["guard_thread_starts", "look", "raise_again_when_lost", "raise_in", "raising_in"]

_set_async_exc = ctypes.pythonapi.PyThreadState_SetAsyncExc


def raise_in(ident: int, exception: type[BaseException]) -> None:
    """Have `exception` raised in the thread `ident`, at its next step in Python; from any thread.

    One that waits to be raised there is replaced.
    """
    for _ in raising_in(ident, exception):
        return


def raising_in(ident: int, exception: type[BaseException]) -> Iterable[object]:
    """Return what does the same when it is iterated over, and never raises it right there.

    The interpreter looks for an exception after a call, but not between two rounds of a loop: so a
    function whose last step this is has returned before it is raised in the calling thread.
    """
    return map(_set_async_exc, (ctypes.c_ulong(ident),), (ctypes.py_object(exception),))


def look() -> None:
    """Do nothing: at each call the interpreter looks whether there is something to raise."""


def guard_thread_starts(guard: Callable[[], AbstractContextManager[object]]) -> None:
    """Have `Thread.start` run within `guard()` from now on, where CPython needs it."""
    if sys.version_info >= (3, 12):
        return
    start = threading.Thread.start

    @wraps(start)
    def start_whole(thread: threading.Thread) -> None:
        with guard():
            start(thread)

    threading.Thread.start = start_whole  # type: ignore[method-assign, assignment]


def raise_again_when_lost(
    exception: type[BaseException], again: Callable[[], Iterable[object]]
) -> None:
    """Have `again()` iterated over whenever CPython loses `exception`, on the thread that lost it.

    Whatever else is lost goes to the hook that was there before. To be called again where others
    (a test runner, say) may have put a hook of theirs in the place of this one.
    """
    if not isinstance(sys.unraisablehook, _Hook):
        sys.unraisablehook = _Hook(exception, again, sys.unraisablehook)


class _Hook:
    __slots__ = ("_again", "_before", "_exception")

    def __init__(
        self,
        exception: type[BaseException],
        again: Callable[[], Iterable[object]],
        before: Callable[[sys.UnraisableHookArgs], object],
    ) -> None:
        self._exception = exception
        self._again = again
        self._before = before

    def __call__(self, lost: sys.UnraisableHookArgs) -> None:
        if lost.exc_type is not self._exception:
            self._before(lost)
            return
        for _ in self._again():
            return  # nothing may come between, or it would be raised in here, and lost again
