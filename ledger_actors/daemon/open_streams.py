"""The requests that may last for ever, so that a door that closes can end them in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

GRACE_SECONDS = 0.5
"""How long a door that closes waits for actors to answer what it had passed on to them."""


class OpenStreams:
    """Who streams at the moment. Everything here is on the event loop's thread."""

    def __init__(self) -> None:
        self._closers: set[Callable[[], object]] = set()
        self.closing = False

    def enter(self, close: Callable[[], object]) -> Callable[[], None]:
        """Have `close` called when the door closes; returns how to take that back."""
        if self.closing:
            close()
        self._closers.add(close)
        return lambda: self._closers.discard(close)

    def guard(self, app: ASGIApp, close: Callable[[], object]) -> ASGIApp:
        """The same application, known here while it runs."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            leave = self.enter(close)
            try:
                await app(scope, receive, send)
            finally:
                leave()

        return guarded

    def close_all(self) -> None:
        """End every stream and refuse new ones."""
        self.closing = True
        for close in list(self._closers):
            close()


class Waker:
    """Something that happens, or the door's closing: what a stream waits for."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.closed = False

    def wake(self) -> None:
        """Something happened."""
        self._event.set()

    def close(self) -> None:
        """The door closes."""
        self.closed = True
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Wait until something happens; False if nothing did for so long."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        self._event.clear()
        return True
