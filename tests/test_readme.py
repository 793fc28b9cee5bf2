"""What the README shows is run: its Python, in order, as a reader would type it."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

import ledger_actors.ledger  # its events are defined before a test puts others aside
from ledger_actors import Ledger
from ledger_actors.daemon.shell import LedgerConsole
from ledger_actors.demos import NAMES
from ledger_actors.runtime import COMMANDS, EVENTS
from supervision.testing import wait_until
from tests.markdown import blocks, run

README = Path(__file__).parent.parent / "README.md"


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Other tests define counters of their own; a reader's program has no others.
    for catalog in (EVENTS, COMMANDS):
        others = {name: kind for name, kind in catalog._types.items() if "ounter" not in name}
        monkeypatch.setattr(catalog, "_types", others)
    assert ledger_actors.ledger.EVENT_TYPES
    shown = blocks(README)
    assert len(shown) >= 6

    run(shown, "readme")


def test_the_readmes_shell_says_what_the_readme_says_it_says(tmp_path: Path) -> None:
    (transcript,) = re.findall(
        r"^```pycon\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL
    )
    shown = io.StringIO()
    with Ledger.open(tmp_path, env="test", cycler={"enabled": True}) as ledger:
        wait_until(lambda: ledger.status().head == 1, what="the first business date")
        console = LedgerConsole({"ledger": ledger})
        with redirect_stdout(shown), redirect_stderr(shown):
            for line in re.findall(r"^>>> (.*)$", transcript, re.MULTILINE):
                shown.write(f">>> {line}\n")
                console.push(line)
    assert without_ends(shown.getvalue()) == without_ends(transcript)


def without_ends(text: str) -> list[str]:
    """The lines, without the blanks at their ends."""
    return [line.rstrip() for line in text.strip().splitlines()]


def test_every_file_that_the_readme_names_is_there() -> None:
    named = set(
        re.findall(
            r"`((?:supervision|ledger_actors|docs|examples)/[\w/]+\.\w+)`", README.read_text()
        )
    )
    linked = set(re.findall(r"\]\(((?!http)[\w/.]+)\)", README.read_text()))

    assert named
    assert [path for path in named | linked if not (README.parent / path).exists()] == []


def test_files_that_the_readme_names_beside_another_are_there() -> None:
    """In a table `supervision/links.py`, `monitors.py` means both in one folder."""
    missing = []
    for row in re.findall(r"^\| .* \| (`.*) \|$", README.read_text(), re.MULTILINE):
        first, *beside = re.findall(r"`([\w/]+\.py)`", row) or [""]
        folder = (README.parent / first).parent
        missing += [name for name in beside if not is_there(name, folder)]

    assert missing == []


def is_there(name: str, folder: Path) -> bool:
    return (folder / name).exists() or (README.parent / name).exists()


def test_every_dependency_has_its_reason() -> None:
    setup = (README.parent / "setup.cfg").read_text()
    wanted = setup[setup.index("install_requires") : setup.index("[options.packages.find]")]
    required = re.findall(r"^    ([a-z][a-z0-9-]*)(?=>=|$)", wanted, re.MULTILINE)
    reasons = README.read_text().split("## Why each dependency")[1]

    assert "pykka" in required
    assert [name for name in required if name not in reasons] == []


def test_the_demos_that_the_readme_lists_are_those_that_there_are() -> None:
    told = README.read_text().split("| Story | What crashes |")[1].split("##")[0]

    assert tuple(re.findall(r"^\| ([a-z0-9-]*[a-z0-9]) \|", told, re.MULTILINE)) == NAMES
