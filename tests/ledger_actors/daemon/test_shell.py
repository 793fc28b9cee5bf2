"""The shell: sentences instead of tracebacks, and names that complete."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import structlog

from ledger_actors import Ledger, connect
from ledger_actors.daemon import errors
from ledger_actors.daemon.client import HttpConnection
from ledger_actors.daemon.shell import LedgerConsole, command_classes
from ledger_actors.daemon.target import Target
from ledger_actors.daemon.views import Record, Records, record

HANG = 60.0


def typed(line: str, **names: object) -> str:
    """What a console says to a line."""
    said = io.StringIO()
    with redirect_stderr(said), redirect_stdout(said):
        LedgerConsole(dict(names)).push(line)
    return said.getvalue()


def test_an_error_of_the_ledger_is_its_sentence(tmp_path: Path) -> None:
    ledger = Ledger(HttpConnection(Target(tmp_path)))
    said = typed("ledger.status()", ledger=ledger)
    assert said.startswith("LedgerUnavailable: no ledger is running")
    assert "Traceback" not in said


def test_any_other_error_keeps_its_traceback() -> None:
    assert "ZeroDivisionError" in typed("1 / 0")
    assert "Traceback" in typed("1 / 0")


def test_the_command_structs_are_there_by_name() -> None:
    open_account = command_classes()["OpenAccount"]
    assert open_account(account_uuid="a-1", company_uuid="c-1").account_uuid == "a-1"


def test_a_record_completes_and_reads_well() -> None:
    row = record({"account_uuid": "a-1", "balance": "1.00", "parts": [{"n": 1}, {"n": 2}]})
    assert isinstance(row, Record)
    assert {"account_uuid", "balance"} <= set(dir(row))
    assert repr(row).splitlines()[0] == "account_uuid  a-1"
    assert isinstance(row.parts, Records)
    assert repr(row.parts) == "n\n1\n2"
    with pytest.raises(AttributeError, match="there is account_uuid, balance, parts"):
        _ = row.balanse


def test_a_folder_in_use_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with (
        Ledger.open(tmp_path, env="test"),
        pytest.raises(errors.LedgerUnavailable, match="one daemon to a data folder"),
    ):
        Ledger.open(tmp_path, env="test")


def test_a_ledger_in_process_has_a_door_for_others(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, env="test") as own, connect(tmp_path) as other:
        own.send("RegisterCompany", company_uuid="c-1", name="Acme")
        assert other.state("company", "c-1").name == "Acme"


def test_a_ledger_that_is_opened_again_is_as_quiet_as_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a program that has not said how it logs, and that still has not, afterwards."""
    structlog.reset_defaults()
    for _ in range(2):
        with Ledger.open(tmp_path, env="test") as ledger:
            assert ledger.status().env == "test"
        assert not structlog.is_configured()
    said = capsys.readouterr()
    assert said.out + said.err == ""


def test_a_closed_ledger_says_so(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, env="test") as ledger:
        pass
    with pytest.raises(errors.LedgerUnavailable, match="was closed"):
        ledger.status()


def test_a_crash_that_no_restart_heals_goes_up_to_the_root(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, env="test", supervision={"max_restarts": 0}) as ledger:
        ledger.actor("timers").crash("for good")
        following = ledger.events(follow=True)
        with pytest.raises(errors.LedgerUnavailable):
            next(following)


@pytest.mark.external
def test_the_shell_opens_without_a_daemon_and_says_what_to_do(tmp_path: Path) -> None:
    typed_in = (
        "ledger.status()\n"
        f"with Ledger.open({str(tmp_path / 'data')!r}, env='test') as own:\n"
        "    own.send(RegisterCompany(company_uuid='c-1', name='Acme'))\n"
        "    print(own.state('company', 'c-1').name)\n"
        "\n"
    )
    command = [sys.executable, "-m", "ledger_actors", "shell", "--plain", "--data", str(tmp_path)]
    done = subprocess.run(
        command, input=typed_in, capture_output=True, text=True, timeout=HANG, check=False
    )
    assert done.returncode == 0
    assert "make run" in done.stderr
    assert "Acme" in done.stdout
    assert "Traceback" not in done.stderr
