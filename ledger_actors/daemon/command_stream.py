"""Many commands in one request, answered line by line while they are still coming in.

This is a bare ASGI application and not a Starlette response, because it reads the request and
writes the response at once. Three things share the event loop's thread: the reader cuts what
arrives into lines and has them dispatched on a worker thread, in order; the actors answer in
threads of their own; the writer sends what is answered, in order, as soon as it is at the head.
An actor's answer wakes the loop at most once until the writer has looked, however many there are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from ledger_actors.daemon.contract import Service, outcome_of
from ledger_actors.daemon.errors import LedgerError, TooLarge
from ledger_actors.daemon.open_streams import GRACE_SECONDS
from ledger_actors.daemon.protocol import (
    MAX_COMMAND_BYTES,
    MAX_WINDOW,
    NDJSON,
    AnswerLine,
    ErrorBody,
)
from ledger_actors.daemon.translate import as_ledger_error
from supervision.future import Future

_SERVER_WINDOW = 2 * MAX_WINDOW
"""Unanswered commands at which the door stops reading: more than any of our clients sends."""

_WRITE_BYTES = 256 * 1024

Answer = Future[Any] | LedgerError


class LineCutter:
    """Cuts chunks into lines. A line that is too long is passed over, not kept."""

    def __init__(self, limit: int = MAX_COMMAND_BYTES) -> None:
        self._limit = limit
        self._rest = b""
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes | LedgerError]:
        """The lines that are complete now; a refusal stands in the place of one too long."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if self._skipping and lines:
            self._skipping = False
            lines = lines[1:]
        cut: list[bytes | LedgerError] = [
            line if len(line) <= self._limit else self.too_large() for line in lines if line.strip()
        ]
        if self._skipping:
            self._rest = b""
        elif len(self._rest) > self._limit:
            self._skipping, self._rest = True, b""
            cut.append(self.too_large())
        return cut

    def end(self) -> list[bytes | LedgerError]:
        """The last line, where no newline ended it."""
        return self.feed(b"\n")

    def too_large(self) -> TooLarge:
        """The refusal of one line."""
        return TooLarge(f"a command may have {self._limit:,} bytes of JSON; this line has more")


class CommandStream:
    """One streaming request. Lives on the event loop's thread, but for `_answered`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Answer] = deque()
        self._awake = asyncio.Event()
        self._room = asyncio.Event()
        self._waking = False
        self._all_in = False
        self._closing = False
        self._gave_up = False
        self._reader: asyncio.Task[None] | None = None
        self._encoder = msgspec.json.Encoder()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, dispatch and answer until the request is at its end or the client is gone.

        What a client that went away had sent is decided and recorded all the same; with its
        `command_id` it can ask what became of it.
        """
        headers = [(b"content-type", NDJSON.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        self._reader = asyncio.create_task(self._read(Request(scope, receive)))
        try:
            await self._write(send)
            if not self._closing:
                await self._reader
        finally:
            self._reader.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def close(self) -> None:
        """The door is closing: read no more, give what was read a moment to be answered, end.

        What is not answered by then may be waiting for an actor that is being restarted, which it
        cannot be while this door is open. Its client sends it again.
        """
        self._closing = True
        if self._reader is not None:
            self._reader.cancel()
        self._loop.call_later(GRACE_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._gave_up = True
        self._awake.set()

    async def _read(self, request: Request) -> None:
        cutter = LineCutter()
        try:
            async for chunk in request.stream():
                await self._dispatch(cutter.feed(chunk))
            await self._dispatch(cutter.end())
        except ClientDisconnect:
            return  # its last line may be half a command; what was whole has been dispatched
        finally:
            self._all_in = True
            self._awake.set()

    async def _dispatch(self, lines: list[bytes | LedgerError]) -> None:
        if lines:
            self._waiting.extend(await to_thread.run_sync(self._submit_all, lines))
            self._awake.set()
        while len(self._waiting) >= _SERVER_WINDOW:
            self._room.clear()
            await self._room.wait()

    def _submit_all(self, lines: list[bytes | LedgerError]) -> list[Answer]:
        return [self._submit(line) for line in lines]

    def _submit(self, line: bytes | LedgerError) -> Answer:
        if isinstance(line, LedgerError):
            return line
        try:
            future = self._service.submit(line)
        except Exception as problem:  # noqa: BLE001 - each outcome is a value, this one's too
            return as_ledger_error(problem)
        future.add_done_callback(self._answered)
        return future

    def _answered(self, _future: Future[Any]) -> None:
        """Wake the writer. Runs in the answering actor's thread."""
        if not self._waking:
            self._waking = True
            call_in(self._loop, self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._awake.set()

    async def _write(self, send: Send) -> None:
        while not self._gave_up and (self._waiting or not self._all_in):
            self._awake.clear()
            if body := self._take_answered():
                self._room.set()
                await send({"type": "http.response.body", "body": body, "more_body": True})
            elif self._waiting or not self._all_in:
                await self._awake.wait()

    def _take_answered(self) -> bytes:
        body = bytearray()
        while self._waiting and is_done(self._waiting[0]) and len(body) < _WRITE_BYTES:
            body += self._encoder.encode(self._line(self._waiting.popleft()))
            body += b"\n"
        return bytes(body)

    def _line(self, answer: Answer) -> AnswerLine:
        outcome = answer if isinstance(answer, LedgerError) else outcome_of(self._service, answer)
        if isinstance(outcome, LedgerError):
            return AnswerLine(error=ErrorBody.of(outcome).error)
        return AnswerLine(events=outcome.events, duplicate=outcome.duplicate)


def is_done(answer: Answer) -> bool:
    """Whether the answer is here."""
    return isinstance(answer, LedgerError) or answer.done()


def call_in(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    """Have `callback` run on the loop's thread; nothing if the door has closed meanwhile.

    A loop that closes between the question and the call has no request left to answer.
    """
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        if not loop.is_closed():
            raise
