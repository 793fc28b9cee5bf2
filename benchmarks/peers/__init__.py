"""The same work done by others, in the same run."""

from __future__ import annotations

from types import ModuleType


def eventsourcing() -> ModuleType | None:
    """Our ledger written on `eventsourcing`; None where that is not installed."""
    try:
        from benchmarks.peers import eventsourcing_ledger
    except ModuleNotFoundError as missing:
        if missing.name != "eventsourcing":
            raise
        return None
    return eventsourcing_ledger
