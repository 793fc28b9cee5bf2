"""HTTP on one connection: uvicorn's, with a limit on connections, time for a request, and words.

uvicorn answers what is no HTTP with three words of text, waits for ever for a request that does
not come, takes any number of connections, and, over httptools, a head or trailers without end and
any number of requests on one connection that wait for their turn.
"""

from __future__ import annotations

import asyncio
import sys
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ledger_actors.daemon.errors import (
    BadRequest,
    LedgerError,
    TooLarge,
    TooManyConnections,
    TooManyRequests,
)
from ledger_actors.daemon.limits import Limits, too_slow
from ledger_actors.daemon.protocol import JSON, ErrorBody

LINGER_SECONDS = 1.0
"""How long a refused connection stays, so that its client reads why before it is gone."""

MOST_LINGERING = 64
"""Of those that stay so; beyond, a refused connection is closed at once."""

MAX_HEAD_BYTES = 64 * 1024
"""The most of a head, or of trailers, that is kept while their end has not come."""

MOST_PIPELINED = 256
"""Requests of one connection that may wait while the one before them is answered."""

_HEAD_TOO_LARGE = (
    f"a request line and its headers may have {MAX_HEAD_BYTES:,} bytes; these have more"
)
_TOO_MANY_PIPELINED = (
    f"{MOST_PIPELINED} requests may wait on one connection, and here are more: read the answers "
    "before sending on, or send many commands as one stream"
)


class BoundedHttp(HttpToolsProtocol):
    """One connection. Everything is on the event loop's thread."""

    def __init__(
        self, *args: Any, limits: Limits, lingering: set[BoundedHttp], **kwargs: Any
    ) -> None:
        """One of a server's, all of which share `lingering`."""
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._lingering = lingering
        self._deadline: asyncio.TimerHandle | None = None
        self._kept_bytes = 0
        self._refused = False
        self._latest: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Take it, unless there are too many."""
        super().connection_made(transport)
        most = self._limits.max_connections
        if len(self.connections) > most:
            self._refuse(
                TooManyConnections(
                    f"this door has {most:,} connections open, as many as it takes: close some, "
                    "or raise endpoint.max_connections"
                )
            )
        else:
            self._begin_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._end_deadline()
        self._lingering.discard(self)
        self._give_up_request()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; the time for a request runs from its first byte until its head is there."""
        if self._refused:
            return
        self._kept_bytes += len(data)
        super().data_received(data)
        if self._kept_bytes > MAX_HEAD_BYTES:
            self._refuse(TooLarge(_HEAD_TOO_LARGE, status=431))
        elif len(self.pipeline) > MOST_PIPELINED:
            self._refuse(TooManyRequests(_TOO_MANY_PIPELINED))
        elif self._request() is not None:
            self._end_deadline()
        elif self._deadline is None and not self.transport.is_closing():
            self._begin_deadline()

    def on_headers_complete(self) -> None:
        """A head is there."""
        self._kept_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body is: the parser keeps none of it."""
        self._kept_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is there, with its trailers."""
        self._kept_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; called by uvicorn while it handles the parser's exception."""
        problem = sys.exception()
        cause = problem and (problem.__context__ or problem)  # of a callback that failed: why
        said = f"this is no HTTP/1.1 request that the door can read: {cause or msg}"
        self._refuse(BadRequest(said))

    def _request(self) -> RequestResponseCycle | None:
        """The request that is being answered, if there is one."""
        latest = self._latest
        return None if latest is None or latest.response_complete else latest

    def _has_answered(self) -> bool:
        """Whether what is coming in has its answer, or the beginning of one."""
        if (request := self._request()) is not None:
            return request.response_started
        return self._latest is not None and self._latest.more_body  # answered before it was all in

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Answer the next request; uvicorn's own `cycle` may be one that waits behind it."""
        self._latest = cycle
        super()._start_asgi_task(cycle, app)

    def _give_up_request(self) -> None:
        """Have what is being answered write no more: uvicorn tells that to the last one alone."""
        self.pipeline.clear()
        if (request := self._request()) is not None:
            request.disconnected = True
            request.waiting_for_100_continue = False
            request.message_event.set()

    def _begin_deadline(self) -> None:
        seconds = self._limits.request_timeout
        self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._refuse(too_slow(self._limits))

    def _refuse(self, error: LedgerError) -> None:
        """Say why, and take no more from this connection.

        It is closed a moment later: with something unread a close is a reset, and the client
        might lose what it was told.
        """
        self._refused = True
        self._end_deadline()
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        if self.transport.is_closing():
            return
        if not self._has_answered():
            self.transport.write(_answer(error))
        self._give_up_request()
        if len(self._lingering) >= MOST_LINGERING:
            self.transport.close()
            return
        self._lingering.add(self)
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)


def _answer(error: LedgerError) -> bytes:
    body = msgspec.json.encode(ErrorBody.of(error))
    head = (
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\ncontent-type: {JSON}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
