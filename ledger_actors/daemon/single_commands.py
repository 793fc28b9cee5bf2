"""Single commands: each in a request of its own, submitted together with those that come beside it.

A thread of its own takes what has come meanwhile and submits it, and the actors' answers are
handed out likewise: one wake-up each way for as many as there are.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from functools import partial
from queue import SimpleQueue
from typing import TypeAlias

from ledger_actors.daemon.command_stream import call_in
from ledger_actors.daemon.contract import Answer, Service, outcome_of
from ledger_actors.daemon.errors import LedgerError, LedgerUnavailable
from ledger_actors.daemon.open_streams import GRACE_SECONDS, OpenStreams
from ledger_actors.daemon.protocol import CommandAnswer
from ledger_actors.daemon.translate import as_ledger_error

BUSY_SECONDS = 0.5
"""For so long after a single command the streams leave room for the next one."""

_CLOSING = "the ledger's door is closing; send it again"

_Waiter: TypeAlias = asyncio.Future[Answer]
_Command: TypeAlias = tuple[bytes, _Waiter]


class SingleCommands:
    """Those of one door. On its event loop's thread, but for `_submit_all` and what it calls."""

    def __init__(self, service: Service, streams: OpenStreams) -> None:
        self._service = service
        self._loop: asyncio.AbstractEventLoop | None = None
        self._come: SimpleQueue[_Command | None] = SimpleQueue()
        self._waiting: set[_Waiter] = set()
        self._answers: deque[tuple[_Waiter, Answer]] = deque()
        self._waking = False
        self._closed = False
        self._last = 0.0
        streams.enter(self.close)

    async def send(self, command: bytes) -> CommandAnswer:
        """What came of it, without blocking the loop; a refusal is raised."""
        if self._closed:
            raise LedgerUnavailable(_CLOSING)
        loop = self._loop or self._begin()
        self._last = loop.time()
        waiter: _Waiter = loop.create_future()
        self._waiting.add(waiter)
        self._come.put((command, waiter))
        try:
            outcome = outcome_of(self._service, await waiter)
        finally:
            self._waiting.discard(waiter)
        if isinstance(outcome, LedgerError):
            raise outcome
        return outcome

    def are_coming(self) -> bool:
        """Whether there was one a moment ago, and may be another soon."""
        return self._loop is not None and self._loop.time() - self._last < BUSY_SECONDS

    def close(self) -> None:
        """The door is closing: what came has a moment to be answered, what comes is refused."""
        self._closed = True
        if self._loop is not None:
            self._come.put(None)
            self._loop.call_later(GRACE_SECONDS, self._give_up)

    def _begin(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.get_running_loop()
        work = partial(self._submit_all, self._loop)
        threading.Thread(target=work, name="door-commands", daemon=True).start()
        return self._loop

    def _give_up(self) -> None:
        for waiter in self._waiting:
            give(waiter, LedgerUnavailable(_CLOSING))

    def _submit_all(self, loop: asyncio.AbstractEventLoop) -> None:
        """Submit what has come, until the end is among it. In the thread for it."""
        while True:
            come = [self._come.get()]
            while not self._come.empty():
                come.append(self._come.get())
            self._submit(loop, [one for one in come if one is not None])
            if None in come:
                return

    def _submit(self, loop: asyncio.AbstractEventLoop, batch: list[_Command]) -> None:
        try:
            answers = self._service.submit_many([command for command, _ in batch])
        except Exception as problem:  # noqa: BLE001 - somebody waits for it: it is the answer
            answers = [as_ledger_error(problem)] * len(batch)
        for (_, waiter), answer in zip(batch, answers, strict=True):
            if isinstance(answer, LedgerError):
                self._answered(loop, waiter, answer)
            else:
                answer.add_done_callback(partial(self._answered, loop, waiter))

    def _answered(self, loop: asyncio.AbstractEventLoop, waiter: _Waiter, answer: Answer) -> None:
        """Wake the loop, once until it has looked. Runs in the answering actor's thread."""
        self._answers.append((waiter, answer))
        if not self._waking:
            self._waking = True
            call_in(loop, self._hand_out)

    def _hand_out(self) -> None:
        self._waking = False
        while self._answers:
            give(*self._answers.popleft())


def give(waiter: _Waiter, answer: Answer) -> None:
    """Let it go on with its answer, where it still waits for one."""
    if not waiter.done():
        waiter.set_result(answer)
