"""Many commands through one HTTP request: the answers come back while commands still go out.

Everything happens in the caller's thread. Commands go out in steps of half a window, and at most a
window is unanswered, so that neither side can fill the other's buffers while both wait.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import h11
import msgspec

from ledger_actors.daemon.connection import CommandRequest
from ledger_actors.daemon.errors import LedgerError, LedgerUnavailable
from ledger_actors.daemon.http_socket import HttpSocket
from ledger_actors.daemon.protocol import (
    MAX_WINDOW,
    NDJSON,
    AnswerLine,
    CommandAnswer,
    ErrorBody,
)
from ledger_actors.json_decoders import decoder_of

_LOST = (
    "the daemon went away before it had answered everything: what was not answered may or may not "
    "be written; to send it again under the same command_id is safe"
)

Outcome = CommandAnswer | LedgerError


class CommandPipeline:
    """One streaming request on a socket of its own. Use once, iterate once."""

    def __init__(self, connected: socket.socket, headers: Mapping[str, str]) -> None:
        self._http = HttpSocket(connected, headers)
        self._encoder = msgspec.json.Encoder()
        self._decode = decoder_of(AnswerLine)
        self._rest = b""

    def run(self, commands: Iterable[CommandRequest], *, window: int) -> Iterator[Outcome]:
        """Send each command and yield its outcome, in order.

        Reads `commands` in the caller's thread, up to a window ahead of what it yields.

        Raises:
            LedgerUnavailable: the daemon went away; what was yielded is certain, the rest is not.
        """
        try:
            yield from self._exchange(iter(commands), min(max(window, 2), MAX_WINDOW))
        finally:
            self._http.close()

    def _exchange(self, commands: Iterator[CommandRequest], window: int) -> Iterator[Outcome]:
        told = (("Content-Type", NDJSON), ("Transfer-Encoding", "chunked"))
        self._write(self._http.begin("/v1/commands", *told))
        waiting, more = 0, True
        while more or waiting:
            if more and waiting <= window // 2:
                sent = self._send_step(commands, window - waiting)
                more = sent > 0
                waiting += sent
                if not more:
                    self._write(self._http.end())
            if waiting:
                for outcome in self._receive_some():
                    waiting -= 1
                    yield outcome

    def _send_step(self, commands: Iterator[CommandRequest], room: int) -> int:
        step = list(islice(commands, room))
        if step:
            self._write(self._http.body(self._encoder.encode_lines(step)))
        return len(step)

    def _write(self, data: bytes) -> None:
        try:
            self._http.write(data)
        except OSError as lost:
            raise LedgerUnavailable(_LOST) from lost

    def _receive_some(self) -> Iterator[Outcome]:
        """The outcomes in what comes next; waits until something does."""
        event = self._next()
        if isinstance(event, h11.Response) and event.status_code != 200:
            raise self._refusal()
        if isinstance(event, h11.Data):
            *lines, self._rest = (self._rest + event.data).split(b"\n")
            return (self._decode(line).outcome() for line in lines)
        if isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            raise LedgerUnavailable(_LOST)
        return iter(())

    def _refusal(self) -> LedgerError:
        return decoder_of(ErrorBody)(self._http.rest()).exception()

    def _next(self) -> object:
        try:
            return self._http.next()
        except (OSError, h11.RemoteProtocolError) as lost:
            raise LedgerUnavailable(_LOST) from lost
