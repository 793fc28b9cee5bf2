"""The hash chain: each event's hash covers its own fields and the hash of the event before.

An event's hash is the SHA-256, in hex, of one MessagePack array: the hash of the event before
it, then the event's fields in the order of `RecordedEvent`. MessagePack puts type and length
before each value, so no two different rows are encoded alike, and a verifier can be written in any
language. The first event follows `GENESIS`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import msgspec

__all__ = ["GENESIS", "link"]

GENESIS: Final = "0" * 64

_encode = msgspec.msgpack.Encoder().encode


def link(previous: str, fields: tuple[Any, ...]) -> str:
    """Return the hash of an event with these `fields` (all but `hash`) after `previous`."""
    return sha256(_encode((previous, *fields))).hexdigest()
