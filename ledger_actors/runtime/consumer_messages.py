"""What a consumer answers, the name that it has, and how it leaves off."""

from __future__ import annotations

import msgspec

__all__ = ["ReadPosition", "Stopping", "WaitFor", "consumer_key"]


def consumer_key(name: str) -> tuple[str, str]:
    """Return the key under which a consumer is registered."""
    return ("consumer", name)


class WaitFor(msgspec.Struct, frozen=True):
    """Answer, with the position, when event `event_id` has been dealt with."""

    event_id: int


class ReadPosition(msgspec.Struct, frozen=True):
    """Answer the id of the last event that has been dealt with."""


class Stopping(Exception):
    """A request to stop came in the middle of something."""
