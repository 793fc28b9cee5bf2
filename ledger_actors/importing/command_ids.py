"""Command ids for lines that bring none, such that the same file again brings the same ids.

What stays the same when an import is stopped and repeated? Not the time, not the file's name (it
may have been moved), not the line's number (somebody may have put a heading above, or cut off
what went in yesterday's file and appended today's). What stays is what the line says, and how many
lines before it in this file say exactly the same: two coffees at 3.50 are two commands. So the id
is a digest of the content and of that occurrence number.

The price: two *different* files with an equal line give it one id, and the second is found
"already there". Where lines carry no date or id of their own, give each file's import a batch name,
which is part of the digest.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

_DIGEST_BYTES = 20


class CommandIds:
    """Hands out ids for one file's commands in order. Not thread-safe; one for each file.

    Remembers 20 bytes for each distinct line without an id: about 100 MB for a million of them.
    """

    def __init__(self, batch: str = "") -> None:
        self._batch = batch.encode()
        self._seen: dict[bytes, int] = {}

    def next_for(self, command: dict[str, Any]) -> str:
        """The id for the next command of the file that says what `command` says."""
        content = _digest(self._batch, _canonical(command))
        occurrence = self._seen.get(content, 0) + 1
        self._seen[content] = occurrence
        return f"import:{_digest(content, str(occurrence).encode()).hex()}"


def _canonical(command: dict[str, Any]) -> bytes:
    return msgspec.json.encode(command, order="sorted")


def _digest(first: bytes, second: bytes) -> bytes:
    head = len(first).to_bytes(4, "big")
    return hashlib.blake2b(head + first + second, digest_size=_DIGEST_BYTES).digest()
