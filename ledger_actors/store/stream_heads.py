"""How far each stream is, for the streams that were written lately: a bounded cache."""

from __future__ import annotations

from collections.abc import Mapping

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
    and the old one is dropped, after a batch and never in the middle of one. So about twice
    `generation` streams are held, and a use costs a dictionary look-up, not the upkeep of an order.
    Not thread-safe, but for `version`.
    """

    def __init__(self, *, generation: int = 50_000) -> None:
        self._generation = generation
        self._young: dict[str, StreamHead] = {}
        self._old: dict[str, StreamHead] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, stream: str) -> StreamHead | None:
        """Return a stream's head, `None` if it is not held."""
        head = self._young.get(stream)
        if head is None and (head := self._old.pop(stream, None)) is not None:
            self._young[stream] = head
        return head

    def version(self, stream: str) -> int:
        """Return a stream's version, 0 if it is not held; this counts as no use. Any thread."""
        head = self._young.get(stream) or self._old.get(stream)
        return 0 if head is None else head.version

    def hold(self, heads: Mapping[str, StreamHead]) -> None:
        """Hold what was read from the table. Nothing is forgotten before the next `update`."""
        self._young.update(heads)

    def update(self, heads: Mapping[str, StreamHead]) -> None:
        """Hold what was written, and forget what was not used for long."""
        for stream in heads.keys() & self._old.keys():
            del self._old[stream]
        self._young.update(heads)
        if len(self._young) > self._generation:
            self._old, self._young = self._young, {}

    def clear(self) -> None:
        """Hold nothing: the table may have changed."""
        self._young.clear()
        self._old.clear()
