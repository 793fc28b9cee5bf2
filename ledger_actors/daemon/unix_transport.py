"""httpx over a Unix socket, without the socket that httpcore leaves open when nobody listens.

httpcore does not close the socket of a connect that fails; Python then warns of a resource that
was not closed. A probe that is closed in any case goes before each connect.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx


class UnixTransport(httpx.HTTPTransport):
    """A transport to the socket at `path`."""

    def __init__(self, path: str, *, keepalive_expiry: float) -> None:
        super().__init__(uds=path)
        self._pool = httpcore.ConnectionPool(
            uds=path, keepalive_expiry=keepalive_expiry, network_backend=ProbingBackend()
        )


class ProbingBackend(httpcore.SyncBackend):
    """httpcore's, with a probe before each connect to a Unix socket."""

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect. httpcore.ConnectError where nobody listens."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(timeout)
            try:
                probe.connect(path)
            except OSError as refused:
                raise httpcore.ConnectError(str(refused)) from refused
        return super().connect_unix_socket(path, timeout, socket_options)
