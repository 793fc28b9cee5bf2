from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from ledger_actors.demos.narrator import Narrator
from ledger_actors.demos.runner import play
from ledger_actors.demos.story import Stage, Story


@pytest.fixture
def paper() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def narrator(paper: io.StringIO) -> Narrator:
    return Narrator(Console(file=paper, width=60))


def _play(narrator: Narrator, folder: Path, *checks: tuple[object, object]) -> int:
    def tell(stage: Stage) -> None:
        for expected, found in checks:
            stage.narrator.check("a balance", expected=expected, found=found)

    return play(Story("test", "A test", tell), narrator, folder=folder)


def test_a_story_whose_checks_hold_succeeds(narrator: Narrator, tmp_path: Path) -> None:
    assert _play(narrator, tmp_path, (1, 1), (2, 2)) == 0


def test_a_story_with_one_check_that_fails_has_failed(
    narrator: Narrator, paper: io.StringIO, tmp_path: Path
) -> None:
    assert _play(narrator, tmp_path, (1, 1), (2, 3)) == 1
    assert "✘ a balance: 3, and should be 2" in paper.getvalue()


def test_a_story_that_checks_nothing_has_shown_nothing(narrator: Narrator, tmp_path: Path) -> None:
    assert _play(narrator, tmp_path) == 1


def test_each_playing_has_a_folder_of_its_own(narrator: Narrator, tmp_path: Path) -> None:
    _play(narrator, tmp_path, (1, 1))
    _play(narrator, tmp_path, (1, 1))

    assert len(list(tmp_path.glob("ledger-demo-test-*/demo.log"))) == 2


def test_lines_are_never_broken_for_a_narrow_terminal(
    narrator: Narrator, paper: io.StringIO
) -> None:
    narrator.say("x" * 100)

    assert "x" * 100 in paper.getvalue()
