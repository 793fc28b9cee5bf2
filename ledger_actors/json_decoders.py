"""Structs from JSON and from plain values, in any thread, whichever is the first to ask for a kind.

What msgspec knows of a struct is made when it is first needed, and is seen by other threads while
it is half made: one that decodes then ends the process with a segmentation fault (msgspec 0.22,
`json_decode_struct_map_inner`). So it is made here, for one kind at a time, and used when it is
whole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from supervision.execution import shield

__all__ = ["convert", "decoder_of"]

T = TypeVar("T")

_making = threading.Lock()
_made: dict[Any, Callable[[Any], Any]] = {}


def decoder_of(kind: type[T]) -> Callable[[bytes | str | msgspec.Raw], T]:
    """Return the function that decodes JSON to a type; it raises as `msgspec.json.decode` does."""
    decode = _made.get(kind)
    if decode is None:
        with shield(), _making:
            decode = _made.get(kind)
            if decode is None:
                decode = _made[kind] = msgspec.json.Decoder(kind).decode
    return decode


def convert(value: Any, kind: type[T], *, strict: bool = True) -> T:
    """Return dicts, lists and such as a type; as `msgspec.convert`."""
    decoder_of(kind)
    return msgspec.convert(value, kind, strict=strict)
