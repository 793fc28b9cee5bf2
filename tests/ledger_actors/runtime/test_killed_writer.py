"""A projector that is killed does not close its file; its successor must not wait for it."""

from __future__ import annotations

from pathlib import Path

from ledger_actors.runtime.read_models import ReadModels, position_of, set_position


def test_what_a_killed_projector_had_begun_is_undone_by_its_successor(tmp_path: Path) -> None:
    model = ReadModels(tmp_path).model("balances", 1)
    killed = model.open_writer()
    set_position(killed, 1, "h")
    killed.execute("BEGIN IMMEDIATE")
    set_position(killed, 2, "h")

    successor = model.open_writer()

    assert position_of(successor) == 1
    set_position(successor, 2, "h")
    model.close()
