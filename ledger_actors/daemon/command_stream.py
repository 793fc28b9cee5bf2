"""Many commands in one request, answered line by line while they are still coming in.

This is a bare ASGI application and not a Starlette response, because it reads the request and
writes the response at once. Three tasks share the event loop's thread: the reader cuts what arrives
into lines; the dispatcher has a part of them submitted on a worker thread, in order, as long as
there is room for more that wait for an answer; the writer sends what is answered, in order, as soon
as it is at the head. Actors answer in threads of their own, and only the answer at the head wakes
the loop, which then finds all that came with it: a commit answers hundreds, and wakes once.
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

from ledger_actors.daemon.contract import Answer, Service, is_done, outcome_of
from ledger_actors.daemon.errors import LedgerError
from ledger_actors.daemon.lines import LineCutter
from ledger_actors.daemon.open_streams import GRACE_SECONDS
from ledger_actors.daemon.protocol import (
    MAX_COMMAND_BYTES,
    MAX_WINDOW,
    NDJSON,
    AnswerLine,
    ErrorBody,
)
from ledger_actors.daemon.stream_window import StreamWindow
from supervision.future import Future

_MOST_READ = 2 * MAX_WINDOW
"""Unanswered commands at which the door stops reading: more than any of our clients sends."""

_MOST_BYTES = 8 * MAX_COMMAND_BYTES
"""Bytes of lines that wait to be submitted, at which it stops reading, too."""

_STEP = 256
"""So many are submitted in one go, before others on the worker threads have their turn."""

_WRITE_BYTES = 256 * 1024
"""About so much of the response is made at once, however many answers are there."""


class CommandStream:
    """One streaming request. Lives on the event loop's thread, but for `_answered`.

    `is_shared` tells whether others use the ledger at the moment, so that it takes a smaller part.
    """

    def __init__(self, service: Service, is_shared: Callable[[], bool]) -> None:
        self._service = service
        self._is_shared = is_shared
        self._loop = asyncio.get_running_loop()
        self._lines: deque[bytes | LedgerError] = deque()
        self._waiting: deque[Answer] = deque()
        self._marks: deque[tuple[float, int, Answer]] = deque()
        self._watched: Answer | None = None
        self._window = StreamWindow()
        self._moved = asyncio.Event()
        self._all_in = False
        self._all_submitted = False
        self._closing = False
        self._gave_up = False
        self._bytes = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._encoder = msgspec.json.Encoder()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, dispatch and answer until the request is at its end or the client is gone.

        What a client that went away had sent is decided and recorded all the same; with its
        `command_id` it can ask what became of it.
        """
        headers = [(b"content-type", NDJSON.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        reader = asyncio.create_task(self._read(Request(scope, receive)))
        dispatcher = asyncio.create_task(self._dispatch())
        self._tasks = [reader, dispatcher]
        try:
            await self._write(send)
            if not self._closing:
                await asyncio.gather(reader, dispatcher)
        finally:
            reader.cancel()
            dispatcher.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def close(self) -> None:
        """The door is closing: read no more, give what was read a moment to be answered, end.

        What is not answered by then may be waiting for an actor that is being restarted, which it
        cannot be while this door is open. Its client sends it again.
        """
        self._closing = True
        if self._tasks:
            self._tasks[0].cancel()
        self._loop.call_later(GRACE_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._gave_up = True
        self._moved.set()

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._moved.clear()
            await self._moved.wait()

    # -- reading -----------------------------------------------------------------------------------

    async def _read(self, request: Request) -> None:
        cutter = LineCutter()
        try:
            async for chunk in request.stream():
                self._take(cutter.feed(chunk))
                await self._until(self._may_read)
            self._take(cutter.end())
        except ClientDisconnect:
            return  # its last line may be half a command; what was whole will be dispatched
        finally:
            self._all_in = True
            self._moved.set()

    def _take(self, lines: list[bytes | LedgerError]) -> None:
        if lines:
            self._lines.extend(lines)
            self._bytes += sum(len(line) for line in lines if isinstance(line, bytes))
            self._moved.set()

    def _may_read(self) -> bool:
        unanswered = len(self._lines) + len(self._waiting)
        return unanswered < _MOST_READ and self._bytes < _MOST_BYTES

    # -- dispatching -------------------------------------------------------------------------------

    async def _dispatch(self) -> None:
        try:
            while True:
                await self._until(lambda: self._room() > 0 if self._lines else self._all_in)
                if not self._lines:
                    return
                step = min(self._room(), len(self._lines), _STEP)
                lines = [self._lines.popleft() for _ in range(step)]
                self._bytes -= sum(len(line) for line in lines if isinstance(line, bytes))
                begun = self._loop.time()
                answers = await to_thread.run_sync(self._submit, lines)
                self._waiting.extend(answers)
                self._marks.append((begun, len(self._waiting), answers[-1]))
                self._moved.set()
        finally:
            self._all_submitted = True
            self._moved.set()

    def _room(self) -> int:
        return self._window.room(len(self._waiting))

    def _fit_window(self) -> None:
        while self._marks and is_done(self._marks[0][-1]):
            begun, under_way, _ = self._marks.popleft()
            self._window.took(self._loop.time() - begun, under_way)
        if not self._is_shared():
            self._window.widen()

    def _submit(self, lines: list[bytes | LedgerError]) -> list[Answer]:
        commands = [line for line in lines if isinstance(line, bytes)]
        answers = iter(self._service.submit_many(commands))
        if len(commands) == len(lines):
            return list(answers)
        return [next(answers) if isinstance(line, bytes) else line for line in lines]

    # -- answering ---------------------------------------------------------------------------------

    async def _write(self, send: Send) -> None:
        while True:
            await self._until(self._can_write)
            body = b"" if self._gave_up else self._take_answered()
            if not body:
                return
            self._moved.set()
            await send({"type": "http.response.body", "body": body, "more_body": True})

    def _can_write(self) -> bool:
        if self._gave_up:
            return True
        if not self._waiting:
            return self._all_submitted
        head = self._waiting[0]
        if is_done(head):
            return True
        if head is not self._watched and isinstance(head, Future):
            self._watched = head
            head.add_done_callback(self._answered)
        return False

    def _answered(self, _future: Future[Any]) -> None:
        """Wake the loop. Runs in the answering actor's thread."""
        call_in(self._loop, self._moved.set)

    def _take_answered(self) -> bytes:
        body = bytearray()
        while self._waiting and is_done(self._waiting[0]) and len(body) < _WRITE_BYTES:
            self._encoder.encode_into(self._line(self._waiting.popleft()), body, -1)
            body += b"\n"
        self._fit_window()
        return bytes(body)

    def _line(self, answer: Answer) -> AnswerLine:
        outcome = outcome_of(self._service, answer)
        if isinstance(outcome, LedgerError):
            return AnswerLine(error=ErrorBody.of(outcome).error)
        return AnswerLine(events=outcome.events, duplicate=outcome.duplicate)


def call_in(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    """Have `callback` run on the loop's thread; nothing if the door has closed meanwhile.

    A loop that closes between the question and the call has no request left to answer.
    """
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        if not loop.is_closed():
            raise
