"""Which events a consumer wants: by type and by stream, with `*` as a wildcard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from typing import Protocol, TypeVar

__all__ = ["EventFilter"]


class _Placed(Protocol):
    """An event as it is stored, or as it is read."""

    @property
    def type(self) -> str:
        """Its stable name."""

    @property
    def stream(self) -> str:
        """Its stream's name."""


R = TypeVar("R", bound=_Placed)


class EventFilter:
    """A choice of events. Without types it takes all types, without streams all streams.

    Example:
        >>> EventFilter(types=["Deal*"]).wants_type("DealCreated")
        True
        >>> EventFilter(streams=["account-*"]).wants_stream("asset-1")
        False
    """

    __slots__ = ("_cache", "_streams", "_types", "plain_types", "streams", "types")

    def __init__(self, types: Iterable[str] = (), streams: Iterable[str] = ()) -> None:
        self.types = tuple(types)
        self.streams = tuple(streams)
        self._types = _pattern(self.types)
        self._streams = _pattern(self.streams)
        self._cache: dict[str, bool] = {}
        self.plain_types = self.types if self.types and not any(map(_wild, self.types)) else None

    def __repr__(self) -> str:
        return f"EventFilter(types={self.types!r}, streams={self.streams!r})"

    def told(self) -> str:
        """Return the choice as text, the same for the same."""
        return f"types {sorted(self.types)}, streams {sorted(self.streams)}"

    def wants_type(self, name: str) -> bool:
        """Return whether events of this type are wanted."""
        found = self._cache.get(name)
        if found is None:
            found = self._types is None or self._types.match(name) is not None
            self._cache[name] = found
        return found

    def wants_stream(self, name: str) -> bool:
        """Return whether events of this stream are wanted."""
        return self._streams is None or self._streams.match(name) is not None

    def wants(self, row: _Placed) -> bool:
        """Return whether this event is wanted."""
        return self.wants_type(row.type) and self.wants_stream(row.stream)

    def among(self, rows: Sequence[R]) -> Sequence[R]:
        """Return those of `rows` that are wanted, in their order."""
        there = {row.type for row in rows}
        wanted = {name for name in there if self.wants_type(name)}
        if not wanted:
            return ()
        if self._streams is not None:
            return tuple([row for row in rows if row.type in wanted and self.wants(row)])
        if len(wanted) == len(there):
            return rows
        return tuple([row for row in rows if row.type in wanted])


def _wild(pattern: str) -> bool:
    return any(sign in pattern for sign in "*?[")


def _pattern(patterns: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, patterns))) if patterns else None
