"""Decoders of JSON that any thread may ask for first.

What msgspec knows of a struct is made with the first decoder for it, and is seen by other threads
while it is half made: one that decodes then ends the process with a segmentation fault (msgspec
0.22, `json_decode_struct_map_inner`). So decoders are made one at a time, and used when they are
whole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import msgspec

from supervision.execution import shield

__all__ = ["decoder_of"]

_making = threading.Lock()
_made: dict[Any, Callable[[Any], Any]] = {}


def decoder_of(kind: Any) -> Callable[[Any], Any]:
    """Return the function that decodes JSON to a type; from then on `convert` may be used, too.

    What it returns raises as `msgspec.json.decode` does.
    """
    decode = _made.get(kind)
    if decode is None:
        with shield(), _making:
            decode = _made.get(kind)
            if decode is None:
                decode = _made[kind] = msgspec.json.Decoder(kind).decode
    return decode
