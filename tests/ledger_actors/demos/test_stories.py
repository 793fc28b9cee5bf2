"""Each demo is played as a user plays it, and its own verdict is the test's."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from ledger_actors import demos


def _play(name: str, folder: Path) -> tuple[int, str]:
    paper = io.StringIO()
    status = demos.run(name, console=Console(file=paper, width=100), folder=folder)
    return status, paper.getvalue()


@pytest.mark.parametrize("name", [name for name in demos.NAMES if name != "kill-9"])
def test_a_story_s_own_checks_hold(name: str, tmp_path: Path) -> None:
    status, told = _play(name, tmp_path)

    assert status == 0, told


@pytest.mark.external
def test_what_a_killed_daemon_acknowledged_is_there(tmp_path: Path) -> None:
    status, told = _play("kill-9", tmp_path)

    assert status == 0, told


def test_an_unknown_story_is_told_the_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demos.run("no-such", folder=tmp_path) == 2
    assert "kill-9" in capsys.readouterr().err
