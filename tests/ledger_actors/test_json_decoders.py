"""Decoders that many threads ask for first at the same time.

With `msgspec.json.decode(..., type=kind)` in the place of `decoder_of` this ends the process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import msgspec
import pytest

from ledger_actors.json_decoders import decoder_of
from supervision.testing import HANG

THREADS = 4


@pytest.fixture(autouse=True)
def many_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def fresh() -> type[msgspec.Struct]:
    """A struct of structs that nobody has decoded yet."""
    parts = [msgspec.defstruct(f"Part{number}", [("a", int, 0)]) for number in range(6)]
    return msgspec.defstruct(
        "Whole", [(f"f{n}", part | None, None) for n, part in enumerate(parts)]
    )


def test_it_is_made_once_and_is_whole_whoever_asks_first() -> None:
    for _ in range(100):
        kind, barrier = fresh(), Barrier(THREADS)

        def decoded(kind: type = kind, barrier: Barrier = barrier) -> tuple[object, int]:
            barrier.wait(HANG)
            decode = decoder_of(kind)
            return decode, decode(b'{"f5": {"a": 1}}').f5.a

        with ThreadPoolExecutor(THREADS) as threads:
            found = [one.result() for one in [threads.submit(decoded) for _ in range(THREADS)]]
        assert len({id(decode) for decode, _ in found}) == 1
        assert [value for _, value in found] == [1] * THREADS
