"""What the importer makes of the ledger's answer to one command: a pure table."""

from __future__ import annotations

from enum import Enum
from typing import Final

from ledger_actors.daemon import errors
from ledger_actors.daemon.protocol import CommandAnswer


class Verdict(Enum):
    """What becomes of the line."""

    TAKEN = "its events are on disk"
    ALREADY_THERE = "its command id was there"
    REJECTED = "the answer is no, and will be no again"
    AGAIN = "nobody knows yet; its command id makes it safe to send it again"
    GONE = "the ledger takes nothing at all now"


_AGAIN: Final = (errors.TimedOut, errors.ActorCrashed, errors.Conflict)
_GONE: Final = (
    errors.LedgerUnavailable,
    errors.StorageFull,
    errors.Unauthorized,
    errors.Incompatible,
)


def verdict(outcome: CommandAnswer | errors.LedgerError) -> Verdict:
    """The verdict on an answer; a refusal that is in neither list above is a rejection."""
    if isinstance(outcome, CommandAnswer):
        return Verdict.ALREADY_THERE if outcome.duplicate else Verdict.TAKEN
    if isinstance(outcome, _GONE):
        return Verdict.GONE
    if isinstance(outcome, _AGAIN):
        return Verdict.AGAIN
    return Verdict.REJECTED
