"""Pure: which events were dealt with, as a count and a digest for each block of ids.

The digest of a block is the sum of its ids, each mixed first, modulo 2**62. So it depends neither
on how the ids were cut into transactions nor on their order: an event that was parked is added when
it is dealt with at last. A sum of the bare ids would not tell 3 and 6 from 4 and 5. Mixing costs
0.2 µs an event; a hash of the library's costs three times that, and a chain of hashes has an order.

A sum says more than whether it is right: where one id makes the whole difference, it is that id.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import msgspec

__all__ = ["BLOCK", "MASK", "BlockTally", "block_of", "mixed", "tallies"]

BLOCK = 10_000
"""Ids to a block: what a range that is found is narrowed down to."""

MASK = 2**62 - 1
"""Two digests can be added within 63 bits, as SQLite does it."""

_FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9  # of splitmix64


class BlockTally(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How many events of a block of ids, and the sum of their mixed ids."""

    block: int
    events: int
    digest: int


def block_of(event_id: int) -> int:
    """Return the number of the block that an id is in: ids 1 to 10,000 are block 0."""
    return (event_id - 1) // BLOCK


def mixed(event_id: int) -> int:
    """Return the digest of one id."""
    return _sum((event_id,))


def tallies(ids: Sequence[int]) -> list[BlockTally]:
    """Return the tallies of ids in rising order, block by block."""
    found: list[BlockTally] = []
    start = 0
    while start < len(ids):
        block = block_of(ids[start])
        end = bisect_right(ids, (block + 1) * BLOCK, start)
        found.append(BlockTally(block, end - start, _sum(ids[start:end])))
        start = end
    return found


def _sum(ids: Sequence[int]) -> int:
    total = sum([((x := n * _FIRST & MASK) ^ x >> 31) * _SECOND & MASK for n in ids])
    return total & MASK
