"""HTTP by hand, for what no client would send."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from ledger_actors.daemon.address import door_link, resolved

HANG = 20.0


class RawClient:
    """One connection to the door of a folder."""

    def __init__(self, folder: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(HANG)
        self.socket.connect(str(resolved(door_link(folder))))

    def send(self, data: bytes) -> None:
        """Send it, as far as the door takes it."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def finish(self) -> None:
        """Say that no more will come."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def read_to_end(self, *, patience: float = HANG) -> bytes:
        """All that comes until the door closes the connection; a door that hangs is a failure.

        A stream of commands may go on for ever: after so long without a word it is finished.
        """
        received = b""
        self.socket.settimeout(patience)
        with suppress(ConnectionResetError):
            while chunk := self._chunk():
                received += chunk
        return received

    def _chunk(self) -> bytes:
        try:
            return self.socket.recv(1 << 16)
        except TimeoutError:
            self.finish()
            self.socket.settimeout(HANG)
            return self.socket.recv(1 << 16)

    def read_until(self, words: bytes) -> bytes:
        """What comes until it has these words."""
        received = b""
        while words not in received:
            chunk = self.socket.recv(1 << 16)
            assert chunk, f"closed before {words!r}: {received!r}"
            received += chunk
        return received


@contextmanager
def raw_client(folder: Path) -> Iterator[RawClient]:
    client = RawClient(folder)
    try:
        yield client
    finally:
        client.socket.close()


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: ledger", *headers, "", ""]).encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    told = ["Host: ledger", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([f"POST {path} HTTP/1.1", *told, "", ""]).encode() + body


def refusal(answer: bytes) -> tuple[int, dict[str, Any]]:
    """The status of an answer and the error in its body, which both must say the same."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    error: dict[str, Any] = msgspec.json.decode(body)["error"]
    assert error["status"] == status
    return status, error
