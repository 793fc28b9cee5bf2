"""The hash of an event, as anybody can compute it."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from ledger_actors.store.chain import GENESIS, link

FIELDS = (1, "s", 1, "A", 1, "{}", None, None, None, "c", 0, "2026-01-01T00:00:00.000000+00:00")


def test_it_is_the_sha256_of_one_message_pack_array() -> None:
    encoded = msgspec.msgpack.encode([GENESIS, *FIELDS])
    assert link(GENESIS, FIELDS) == hashlib.sha256(encoded).hexdigest()


def test_it_never_changes() -> None:
    """Stores that were written by earlier releases rest on this value."""
    expected = "797de1615cb36952e5ce4eabdd360da58b9a24f61683cecfc94e779a12337303"
    assert link(GENESIS, FIELDS) == expected


@pytest.mark.parametrize("index", range(len(FIELDS)))
def test_every_field_counts(index: int) -> None:
    fields: list[Any] = list(FIELDS)
    fields[index] = 2 if isinstance(fields[index], int) else f"{fields[index]}x"
    assert link(GENESIS, tuple(fields)) != link(GENESIS, FIELDS)


def test_the_event_before_counts() -> None:
    assert link("1" * 64, FIELDS) != link(GENESIS, FIELDS)


def test_text_does_not_flow_from_one_field_into_the_next() -> None:
    one = (*FIELDS[:6], "ab", "c", *FIELDS[8:])
    other = (*FIELDS[:6], "a", "bc", *FIELDS[8:])
    assert link(GENESIS, one) != link(GENESIS, other)
