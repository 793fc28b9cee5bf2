"""How far each stream is, for the streams that were written lately: a bounded cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

__all__ = ["MISSING", "StreamHead", "StreamHeads"]


class StreamHead(msgspec.Struct, frozen=True, gc=False):
    """A stream's key in the table, and its version."""

    stream_id: int
    version: int


MISSING = StreamHead(0, 0)
"""The head of a stream without events."""


class StreamHeads:
    """A mapping from stream to head that forgets what was not used for long.

    Two generations: what is used moves to the young one; when that is full it becomes the old one
    and the old one is dropped. So at most twice `generation` streams are held, and a use costs a
    dictionary look-up, not the upkeep of an order. Not thread-safe.
    """

    def __init__(self, *, generation: int = 50_000) -> None:
        self._generation = generation
        self._young: dict[str, StreamHead] = {}
        self._old: dict[str, StreamHead] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def known(self, streams: Iterable[str]) -> dict[str, StreamHead]:
        """Return the heads of those of `streams` that are held."""
        found = {}
        for stream in streams:
            head = self._young.get(stream) or self._old.pop(stream, None)
            if head is not None:
                self._put(stream, head)
                found[stream] = head
        return found

    def update(self, heads: Mapping[str, StreamHead]) -> None:
        """Hold these heads."""
        for stream, head in heads.items():
            self._old.pop(stream, None)
            self._put(stream, head)

    def clear(self) -> None:
        """Hold nothing: the table may have changed."""
        self._young.clear()
        self._old.clear()

    def _put(self, stream: str, head: StreamHead) -> None:
        self._young[stream] = head
        if len(self._young) > self._generation:
            self._old, self._young = self._young, {}
