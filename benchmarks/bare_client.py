"""Single requests at the least cost to whoever sends them, as a program like wrk does it.

One thread, a few connections, requests that were encoded before the clock starts: what is measured
is the daemon. Threads that call `Ledger.send` share one interpreter's lock, and are measured beside
it.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.measuring import Sample, ensure
from benchmarks.workload import Wire
from ledger_actors.daemon.protocol import JSON
from ledger_actors.daemon.target import Target

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_CHUNK = 64 * 1024
PATIENCE = 60.0
"""Seconds for an answer to one of those that are under way."""


class _Exchange:
    """One connection: the request that is under way on it, and what has come of the answer."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._answer = b""
        self._began = 0.0

    def send(self, request: bytes) -> None:
        self._began = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> float | None:
        """Return the seconds that it took if the answer is whole.

        Raises:
            Wrong: it is a refusal, or the daemon has gone away.
        """
        came = self.socket.recv(_CHUNK)
        ensure(came != b"", "the daemon closed a connection before it had answered")
        self._answer += came
        head, blank, body = self._answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if not blank or length is None or len(body) < int(length[1]):
            return None
        ensure(head.startswith(b"HTTP/1.1 200 "), f"a command was refused: {self._answer!r:.300}")
        self._answer = b""
        return time.perf_counter() - self._began


def send_all(data: Path, commands: Sequence[Wire], *, connections: int) -> tuple[float, Sample]:
    """Send each in a request of its own; return how many a second, and the seconds of each.

    Raises:
        Wrong: one was refused, or has no answer.
    """
    target = Target.of(data)
    requests = deque(_request(target, command) for command in commands)
    taken: list[float] = []
    with selectors.DefaultSelector() as ready:
        exchanges = [_Exchange(target.connect()) for _ in range(connections)]
        try:
            began = time.perf_counter()
            for exchange in exchanges[: len(requests)]:
                ready.register(exchange.socket, selectors.EVENT_READ, exchange)
                exchange.send(requests.popleft())
            while len(taken) < len(commands):
                answered = ready.select(PATIENCE)
                ensure(bool(answered), f"the daemon gave no answer in {PATIENCE:g} seconds")
                for key, _ in answered:
                    seconds = key.data.receive()
                    if seconds is not None:
                        taken.append(seconds)
                        if requests:
                            key.data.send(requests.popleft())
            ended = time.perf_counter()
        finally:
            for exchange in exchanges:
                exchange.socket.close()
    return len(commands) / (ended - began), Sample(tuple(taken))


def _request(target: Target, command: Wire) -> bytes:
    body = msgspec.json.encode(command)
    told = {
        "Host": "ledger",
        **target.headers(),
        "Content-Type": JSON,
        "Content-Length": str(len(body)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"POST /v1/commands HTTP/1.1\r\n{head}\r\n".encode() + body
