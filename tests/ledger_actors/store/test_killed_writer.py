"""A kill raises an exception at any line of the writer, also behind the commit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger_actors.store import (
    Append,
    Appended,
    NewEvent,
    PositionUpdate,
    SqliteEventStore,
    StreamWrite,
)
from ledger_actors.store.writer import Writer
from supervision.executor import ActorKilled

EVENT = (NewEvent("A", "{}"),)


@pytest.fixture
def store_killed_after_a_commit(monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteEventStore]:
    """Position 1 and version 1 are remembered; position 2 and version 2 are on disk."""
    store = SqliteEventStore(":memory:")
    store.append([Append((StreamWrite("s", EVENT),), position=PositionUpdate("c", 1, None))])

    def killed(self: Writer, admitted: object) -> None:
        raise ActorKilled

    second = Append((StreamWrite("s", EVENT),), position=PositionUpdate("c", 2, 1))
    with monkeypatch.context() as patch:
        patch.setattr(Writer, "_take_on", killed)
        with pytest.raises(ActorKilled):
            store.append([second])
    yield store
    store.close()


def test_a_position_that_was_committed_is_not_refused(
    store_killed_after_a_commit: SqliteEventStore,
) -> None:
    store = store_killed_after_a_commit
    assert store.position("c") == 2

    (answer,) = store.append(
        [Append((StreamWrite("t", EVENT),), position=PositionUpdate("c", 3, 2))]
    )

    assert isinstance(answer, Appended)


def test_a_version_that_was_committed_is_not_refused(
    store_killed_after_a_commit: SqliteEventStore,
) -> None:
    store = store_killed_after_a_commit

    (answer,) = store.append([Append((StreamWrite("s", EVENT, 2),))])

    assert isinstance(answer, Appended)
    assert answer.events[0].version == 3
    assert store.verify().ok
