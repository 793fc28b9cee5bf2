"""The stores that the contract holds for: add a back end here and it is tested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_actors.store import EventStore, SqliteEventStore


@pytest.fixture(params=["memory", "file"])
def event_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventStore]:
    path = ":memory:" if request.param == "memory" else tmp_path / "events.db"
    with SqliteEventStore(path) as store:
        yield store
