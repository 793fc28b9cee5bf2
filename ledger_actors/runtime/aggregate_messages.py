"""What an aggregate understands."""

from __future__ import annotations

from typing import Any

import msgspec

from ledger_actors.runtime.envelopes import CommandEnvelope
from supervision import Rejection

__all__ = ["Execute", "ReadAhead", "ReadState", "Stand"]


class Execute(msgspec.Struct, frozen=True):
    """Decide this command. The answer is an `Appended`, or what refused it is raised.

    With `missing` it is refused, unless it was done before: what it names was not there.
    `unseen_since`: when it was looked whether it was done before, as `Append.unseen_since`.
    """

    envelope: CommandEnvelope
    missing: Rejection | None = None
    unseen_since: int | None = None


class ReadState(msgspec.Struct, frozen=True):
    """Answer the `Stand` once all that it rests on is on disk."""


class ReadAhead(msgspec.Struct, frozen=True):
    """Answer the `Stand` at once, though it may rest on what is not on disk yet.

    For whoever will append with its version as a guard.
    """


class Stand(msgspec.Struct, frozen=True, gc=False):
    """A state and the version of the stream that it is the state of.

    `rests_on`: the last command that it rests on and that is not on disk yet; `None` if all is.
    The garbage collector does not look at it: no state may hold the `Stand` that holds it.
    """

    state: Any
    version: int
    rests_on: str | None = None
