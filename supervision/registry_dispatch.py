"""Calling somebody with the entries under a key: here, or shared out among threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from supervision.future import Future
from supervision.ref import Ref

__all__ = ["Deliver", "Entry", "deliver_in_parallel"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One registration: an actor under a key, with a value that it chose."""

    ref: Ref
    value: Any = None


Deliver: TypeAlias = Callable[[Sequence[Entry]], object]


def deliver_in_parallel(entries: Sequence[Entry], deliver: Deliver, threads: int) -> None:
    """Share `entries` out among `threads` threads and call `deliver` with each share; wait for all.

    Raises:
        BaseExceptionGroup: some of them raised; an `ExceptionGroup` where all are exceptions.
    """
    shares = [entries[first::threads] for first in range(min(threads, len(entries)))]
    futures = [_begin(deliver, share) for share in shares]
    raised = [exception for exception in map(_outcome, futures) if exception is not None]
    if raised:
        msg = f"{len(raised)} of {len(shares)} parallel deliveries failed"
        raise BaseExceptionGroup(msg, raised)


def _begin(deliver: Deliver, share: Sequence[Entry]) -> Future[None]:
    done: Future[None] = Future()

    def run() -> None:
        try:
            deliver(share)
        except BaseException as exception:  # noqa: BLE001 - it surfaces in the caller
            done.set_exception(exception)
        else:
            done.set()

    threading.Thread(target=run, name="registry-dispatch", daemon=True).start()
    return done


def _outcome(future: Future[None]) -> BaseException | None:
    try:
        future.get()
    except BaseException as exception:
        if future.done() and future.exception() is exception:
            return exception
        raise  # the caller's own: it was killed while it waited
    return None
