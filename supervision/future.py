"""A Pykka future that can be watched as well as waited for.

Pykka's own future allocates a condition for every ask; most asks are answered once and read
once. Here a waiter brings its own wake-up, and only if it has to wait. One lock for the whole
module guards the moment in which a result is set: it is held for a few instructions.
"""

from __future__ import annotations

import queue
import sys
from _thread import allocate_lock
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import pykka

from supervision import execution, telemetry
from supervision.calls import remaining, waiting_for
from supervision.errors import CallTimeout
from supervision.executor import ActorKilled

if TYPE_CHECKING:
    from supervision.ref import Ref

__all__ = ["Future"]

T = TypeVar("T")

_PENDING: Any = object()
_settling = allocate_lock()


class Future(pykka.Future[T]):
    """A value that is here now or later. Set once, by whoever owns the answer.

    Attributes:
        target: the actor that must answer, as far as is known, until there is an answer; it is how
            a cycle of asks is seen.
        deadline: when the asker gives up, as a reading of `time.monotonic`; `None`: never.
    """

    deadline: float | None = None

    def __init__(
        self,
        target: Ref | None = None,
        callback: Callable[[Future[T]], None] | None = None,
    ) -> None:
        """Make a future; `callback` is as one given to `add_done_callback` at once."""
        # Not Pykka's __init__: it makes an object a future for a hook that is rarely used.
        self._get_hook = None
        self.target = target
        self._value: Any = _PENDING
        self._exc_info: Any = None
        self._callbacks: list[Callable[[Future[T]], None]] | None = (
            None if callback is None else [callback]
        )

    def done(self) -> bool:
        """Return whether the value or the exception is here."""
        return self._value is not _PENDING

    def exception(self) -> BaseException | None:
        """Return the exception of a future that is done, `None` if it holds a value.

        Raises:
            CallTimeout: it is not done.
        """
        if self._value is _PENDING:
            msg = "the future has no result yet"
            raise CallTimeout(msg)
        if self._exc_info is None:
            return None
        exception: BaseException = self._exc_info[1]
        return exception

    def get(self, *, timeout: float | None = None) -> T:
        """Wait for the value, at most `timeout` seconds, and return it.

        Runs in the caller's thread. On a thread of a shared pool it lets the pool add a worker
        meanwhile, so waiting never starves other actors. Without a timeout, an actor that handles
        an ask waits no longer than its asker does.

        Raises:
            CallTimeout: it did not come in time.
            CallCycle: the one who should answer waits for the caller.
            Exception: the exception that was set.
        """
        if self._get_hook is not None:
            return self._get_through_hook(timeout)
        if self._value is _PENDING:
            self._wait(timeout)
        if self._exc_info is not None:
            raise self._exc_info[1].with_traceback(self._exc_info[2])
        value: T = self._value
        return value

    def set(self, value: T | None = None) -> None:
        """Set the value and run the callbacks in this thread.

        Raises:
            queue.Full: it has a result, or a hook, already.
        """
        if not self.try_set(value):
            raise queue.Full

    def set_exception(self, exc_info: Any = None) -> None:
        """Set an exception: one, Pykka's `exc_info` triple, or the one being handled.

        Raises:
            queue.Full: it has a result, or a hook, already.
        """
        if not self.try_set_exception(exc_info):
            raise queue.Full

    def try_set(self, value: T | None = None) -> bool:
        """Set the value unless there is a result; return whether this call did it."""
        return self._settle(value, None)

    def try_set_exception(self, exc_info: Any = None) -> bool:
        """Set an exception unless there is a result; return whether this call did it."""
        return self._settle(None, _triple(exc_info))

    def handed_to(self, target: Ref | None) -> None:
        """Say that `target` answers from here on; `None`: nobody in particular."""
        if self._value is _PENDING:
            self.target = target

    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        """Compute the value by `func(timeout)` at the first `get`, as Pykka's futures do."""
        with _settling:
            if self._value is not _PENDING:
                raise queue.Full
            pykka.Future.__init__(self)
            self._get_hook = func

    def add_done_callback(self, callback: Callable[[Future[T]], None]) -> None:
        """Call `callback(self)` once there is a result: at once, or in the thread that sets it.

        Keep it short: it runs in somebody else's thread, an actor's as a rule. So what it raises is
        logged and goes no further, as with `concurrent.futures`.
        """
        with _settling:
            if self._value is _PENDING:
                if self._callbacks is None:
                    self._callbacks = [callback]
                else:
                    self._callbacks.append(callback)
                return
        self._call(callback)

    def call_first(self, callback: Callable[[Future[T]], None]) -> None:
        """As `add_done_callback`, but before all that were added until now, and all who wait."""
        with _settling:
            if self._value is _PENDING:
                self._callbacks = [callback, *(self._callbacks or ())]
                return
        self._call(callback)

    def remove_done_callback(self, callback: Callable[[Future[T]], None]) -> None:
        """Forget `callback` if it has not been called."""
        with _settling:
            if self._callbacks is not None and callback in self._callbacks:
                self._callbacks.remove(callback)

    def _settle(self, value: Any, exc_info: Any) -> bool:
        won = False
        try:
            with _settling:
                if self._value is not _PENDING or self._get_hook is not None:
                    return False
                won = True
                self.target = None
                self._exc_info = exc_info
                self._value = value
            if self._callbacks is not None:
                self._call_back()
        except ActorKilled:
            # Who sets it is killed; those who wait for it must not pay for that.
            if won:
                self.target = None
                self._exc_info = exc_info
                self._value = value
                self._call_back()
            raise
        return True

    def _call_back(self) -> None:
        with execution.shield():
            callbacks, self._callbacks = self._callbacks, None
            for callback in callbacks or ():
                self._call(callback)

    def _call(self, callback: Callable[[Future[T]], None]) -> None:
        try:
            callback(self)
        except Exception:  # noqa: BLE001 - whoever it is, the setter must not pay for it
            telemetry.log_faulty_callback(callback)

    def _wait(self, timeout: float | None) -> None:
        arrived: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.add_done_callback(arrived.put)
        seconds = remaining() if timeout is None else max(0.0, timeout)
        try:
            with waiting_for(self), execution.blocking(wake=arrived):
                arrived.get(timeout=seconds)
        except queue.Empty:
            self.remove_done_callback(arrived.put)
        if self._value is _PENDING:
            raise CallTimeout(_nothing_within(timeout, seconds))

    def _get_through_hook(self, timeout: float | None) -> T:
        if not hasattr(self, "_hook_value"):
            assert self._get_hook is not None
            self._hook_value: T = self._get_hook(timeout)
        return self._hook_value


def _nothing_within(timeout: float | None, seconds: float | None) -> str:
    if timeout is not None or seconds is None:
        return f"no answer within {timeout} seconds"
    return f"no answer within the {seconds:g} seconds that were left of the ask being handled"


def _triple(exc_info: Any) -> Any:
    if exc_info is None:
        exc_info = sys.exc_info()
    if isinstance(exc_info, BaseException):
        return (type(exc_info), exc_info, exc_info.__traceback__)
    kind, value, traceback = exc_info
    return (kind, kind() if value is None else value, traceback)
