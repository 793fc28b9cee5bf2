"""The daemon under make, at a terminal."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger_actors import connect
from ledger_actors.daemon.address import DaemonPid
from supervision.testing import wait_until
from tests.ledger_actors.daemon.terminals import CTRL_C, CTRL_Z, Terminal, at_a_terminal

pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here"),
]
UP = "Ctrl-C stops it in order"


@contextmanager
def make_run(folder: Path, command: tuple[str, ...] = ("make", "run")) -> Iterator[Terminal]:
    """`make run`, as the Makefile of the project has it."""
    start = f"{sys.executable} -m ledger_actors start --take-terminal --log-level info"
    (folder / "Makefile").write_text(f"run:\n\t@exec {start} --data {folder / 'data'}\n")
    here = str(Path.cwd())
    with at_a_terminal(command, cwd=folder, LEDGER_ENV="test", PYTHONPATH=here) as shown:
        yield shown


def test_the_makefile_starts_it_so() -> None:
    assert "ledger-actors start --take-terminal $(ARGS)" in Path("Makefile").read_text()


def test_ctrl_c_stops_the_daemon_in_order_and_make_ends_well(tmp_path: Path) -> None:
    with make_run(tmp_path) as shown:
        shown.until(UP)
        with connect(tmp_path / "data") as ledger:
            ledger.send("RegisterCompany", company_uuid="c-1", name="Acme")
        shown.press(CTRL_C)
        shown.until("ledger.stopped")
        assert shown.end() == 0
        assert "***" not in shown.text


def test_a_script_has_its_terminal_back_afterwards(tmp_path: Path) -> None:
    script = "make run && read answer && echo heard $answer"
    with make_run(tmp_path, ("sh", "-c", script)) as shown:
        shown.until(UP)
        shown.press(CTRL_C)
        shown.until("ledger.stopped")
        shown.line("it")
        shown.until("heard it")
        assert shown.end() == 0


def test_sigterm_to_make_stops_the_daemon_in_order(tmp_path: Path) -> None:
    with make_run(tmp_path) as shown:
        shown.until(UP)
        shown.process.send_signal(signal.SIGTERM)
        shown.until("ledger.stopped")
        shown.end()
    assert not DaemonPid(tmp_path / "data").is_running()


def test_ctrl_z_does_not_leave_a_dead_terminal(tmp_path: Path) -> None:
    with make_run(tmp_path) as shown:
        shown.until(UP)
        shown.press(CTRL_Z)
        with connect(tmp_path / "data") as ledger:
            assert ledger.status().env == "test"
        shown.press(CTRL_C)
        assert shown.end() == 0


@pytest.mark.parametrize("command", [("sh", "-c", "make run; exit $?"), ("make", "run")])
def test_a_terminal_that_is_closed_stops_the_daemon_in_order(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Make does not pass it on where it is what the terminal was opened for, as in tmux."""
    with make_run(tmp_path, command) as shown:
        shown.until(UP)
        daemon = DaemonPid(tmp_path / "data")
        shown.hang_up()
        wait_until(lambda: not daemon.is_running(), what="the daemon to end", timeout=30.0)
    assert not (tmp_path / "data" / "daemon.pid").exists()  # which an ordered stop takes away
