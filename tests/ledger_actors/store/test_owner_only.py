"""Folders that are made are on disk, each in the one above it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ledger_actors.store.owner_only import make_folder


def test_a_new_folder_and_those_above_it_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_ino))

    make_folder(tmp_path / "a" / "b")
    assert synced == [folder.stat().st_ino for folder in (tmp_path, tmp_path / "a")]

    make_folder(tmp_path / "a" / "b")
    assert len(synced) == 2
