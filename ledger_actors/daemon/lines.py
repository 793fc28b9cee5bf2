"""A stream of bytes, cut into lines of a limited length."""

from __future__ import annotations

from ledger_actors.daemon.errors import LedgerError, TooLarge
from ledger_actors.daemon.protocol import MAX_COMMAND_BYTES


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
