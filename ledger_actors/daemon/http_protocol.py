"""uvicorn's HTTP over httptools, with a limit on a request's head, which httptools has not."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 16 * 1024
"""Of a request's line and headers, beyond what came in one piece: as much as h11 waits for."""


class HttpProtocol(HttpToolsProtocol):
    """One connection to the door."""

    _head_bytes: int | None = None  # None: not in a head

    def data_received(self, data: bytes) -> None:
        """Parse it; refuse a head that has no end."""
        was_in_head = self._head_bytes is not None
        super().data_received(data)
        if not was_in_head or self._head_bytes is None or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response(f"The head of a request may have {MAX_HEAD_BYTES:,} bytes.")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """It is complete."""
        self._head_bytes = None
        super().on_headers_complete()
