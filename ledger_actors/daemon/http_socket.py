"""HTTP/1.1 on a connected socket: h11 says what the bytes mean, this moves them.

For commands, where httpx costs more than the daemon does (0.4 ms a request, h11 0.05), and where it
reads a response only after it has sent the whole request. The rest of the client is httpx.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Mapping

import h11

_CHUNK = 256 * 1024


class HttpSocket:
    """One connection to a door. In one thread at a time.

    Whatever the network does is an OSError (of a timeout: TimeoutError), whatever is no HTTP a
    `h11.RemoteProtocolError`.
    """

    def __init__(self, connected: socket.socket, headers: Mapping[str, str]) -> None:
        self._socket = connected
        self._http = h11.Connection(h11.CLIENT)
        self._headers = [("Host", "ledger"), *headers.items()]
        self._used = time.monotonic()

    def begin(self, target: str, *headers: tuple[str, str]) -> bytes:
        """The head of a POST."""
        told = [*self._headers, *headers]
        return self._http.send(h11.Request(method="POST", target=target, headers=told)) or b""

    def body(self, data: bytes) -> bytes:
        """A part of the body, as it is sent."""
        return self._http.send(h11.Data(data=data)) or b""

    def end(self) -> bytes:
        """The end of the body."""
        return self._http.send(h11.EndOfMessage()) or b""

    def write(self, data: bytes) -> None:
        """Send it all."""
        self._socket.sendall(data)

    def next(self) -> object:
        """The next h11 event of the response; waits for it."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(self._socket.recv(_CHUNK))
        return event

    def rest(self) -> bytes:
        """The rest of the response's body."""
        body = b""
        while not isinstance(event := self.next(), h11.EndOfMessage | h11.ConnectionClosed):
            body += event.data if isinstance(event, h11.Data) else b""
        return body

    def post(self, target: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        """One request, one response: its status and body."""
        told = (("Content-Type", content_type), ("Content-Length", str(len(body))))
        self.write(self.begin(target, *told) + self.body(body) + self.end())
        response = self.next()
        while not isinstance(response, h11.Response):
            response = self.next()
        answer = response.status_code, self.rest()
        self._used = time.monotonic()
        return answer

    def may_be_kept(self) -> bool:
        """Whether the response has ended such that another request may follow; makes ready."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    def is_fresh(self, seconds: float) -> bool:
        """Whether it was used a moment ago, and the other side has not closed it since."""
        if time.monotonic() - self._used > seconds:
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
