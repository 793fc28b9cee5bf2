"""The daemon as a process: how it starts, what it says, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger_actors import connect
from ledger_actors.daemon import errors
from ledger_actors.daemon.address import DaemonPid, door_link
from ledger_actors.daemon.foreground import Ending
from ledger_actors.ledger import PROCESS_MANAGERS, PROJECTORS

pytestmark = pytest.mark.external
HANG = 40.0
CONSUMERS = len(PROJECTORS) + len(PROCESS_MANAGERS)


_HEARING = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, "-m", "ledger_actors", *sys.argv[1:]])
"""
"""Becomes the program, which hears SIGHUP also where `nohup` has started the tests."""


class Daemon:
    """`ledger-actors start` with its output read line by line."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        command = [sys.executable, "-c", _HEARING, "start", "--data", str(folder), *options]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "LEDGER_ENV": "test", **environment},
        )
        self.said: list[str] = []

    def until(self, words: str) -> str:
        """Read on until a line has these words; the process ending first is a failure."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if words in line:
                return line
        raise AssertionError(f"{words!r} was not said; this was:\n{''.join(self.said)}")

    def end(self) -> int:
        """The exit status, once it has ended."""
        assert self.process.stderr is not None
        status = self.process.wait(HANG)
        self.said += self.process.stderr.readlines()
        return status


@contextmanager
def daemon(folder: Path, *options: str, **environment: str) -> Iterator[Daemon]:
    running = Daemon(folder, *options, **environment)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait(HANG)
        assert running.process.stderr is not None
        running.process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_it_in_order_and_nothing_is_lost(tmp_path: Path, number: int) -> None:
    with daemon(tmp_path, "--log-level", "info") as running:
        running.until("Ctrl-C stops it in order")
        with connect(tmp_path) as ledger:
            ledger.send("RegisterCompany", company_uuid="c-1", name="Acme")
        running.process.send_signal(number)
        assert running.end() == 0
    assert not door_link(tmp_path).exists()
    assert not DaemonPid(tmp_path).is_running()
    with daemon(tmp_path, "--log-level", "info") as running:
        running.until("Ctrl-C stops it in order")
        with connect(tmp_path) as ledger:
            assert ledger.state("company", "c-1").name == "Acme"


def test_the_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with daemon(tmp_path, "--log-level", "info") as running:
        running.until("Ctrl-C stops it in order")
        running.process.send_signal(signal.SIGSTOP)  # so that both are there when it goes on
        running.process.send_signal(signal.SIGINT)
        running.process.send_signal(signal.SIGTERM)
        running.process.send_signal(signal.SIGCONT)
        assert running.end() == 130
    assert "Stopping at once" in "".join(running.said)


def test_a_terminal_that_says_twice_that_it_was_closed_is_no_impatience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exits: list[int] = []
    monkeypatch.setattr(os, "_exit", exits.append)
    ending = Ending()
    ending.on_signal("SIGHUP")
    ending.on_signal("SIGHUP")
    assert exits == []
    ending.on_signal("SIGINT")
    assert exits == [130]


def test_it_says_the_tree_the_door_and_what_to_type_next(tmp_path: Path) -> None:
    with daemon(tmp_path, "--log-level", "info") as running:
        running.until("Ctrl-C stops it in order")
        said = "".join(running.said)
        for words in ("journal", "funding_accounts", str(door_link(tmp_path)), " shell "):
            assert words in said
        assert said.index("journal") < said.index("projectors") < said.index("endpoint")


def test_its_log_is_json_in_production(tmp_path: Path) -> None:
    with daemon(tmp_path, "--log-level", "info", LEDGER_ENV="prod") as running:
        line = running.until('"ledger.ready"')
        assert line.startswith("{")
        running.process.terminate()
        assert running.end() == 0
    assert all(line.startswith("{") for line in running.said)


def test_it_is_quiet_when_all_is_well_and_a_crash_is_one_line(tmp_path: Path) -> None:
    prod = {"LEDGER_ENV": "prod", "PROJECTOR_HYDRATION_DELAY": "0"}
    with daemon(tmp_path, **prod) as running:
        running.until('"ledger.ready"')
        while sum("consumer.hydrated" in line for line in running.said) < CONSUMERS:
            running.until("consumer.hydrated")
        so_far = len(running.said)
        with connect(tmp_path) as ledger:
            for number in range(20):
                ledger.send("RegisterCompany", company_uuid=f"c-{number}", name="Acme")
            with pytest.raises(errors.Rejected):
                ledger.send("RegisterCompany", company_uuid="c-1", name="Acme")
            with pytest.raises(errors.InvalidCommand):
                ledger.send("RegisterCompany", colour="red")
            ledger.actor("company/c-1").crash("for a test")
            ledger.send("RenameCompany", company_uuid="c-1", name="Other")
        running.process.terminate()
        assert running.end() == 0
    crash, *rest = (json.loads(line) for line in running.said[so_far:])
    assert (crash["event"], crash["level"]) == ("supervisor.child_crashed", "error")
    assert (crash["supervisor"], crash["child"]) == ("aggregates", "company/c-1")
    assert crash["reason"] == "crashed: CrashRequested: for a test"
    assert crash["decision"] == "forget it, do not restart"
    assert crash["exception"].startswith("Traceback")
    assert [line["event"] for line in rest] == ["ledger.stopping", "ledger.stopped"]


def test_who_follows_a_daemon_that_is_killed_reads_a_sentence(tmp_path: Path) -> None:
    with daemon(tmp_path, "--log-level", "info") as running:
        running.until("Ctrl-C stops it in order")
        with connect(tmp_path) as ledger:
            ledger.send("RegisterCompany", company_uuid="c-1", name="Acme")
        command = ["events", "--follow", "--data", str(tmp_path)]
        following = subprocess.Popen(
            [sys.executable, "-m", "ledger_actors", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            text=True,
        )
        assert following.stdout is not None
        assert "CompanyRegistered" in following.stdout.readline()
        running.process.kill()
        running.process.wait(HANG)  # a zombie would still count as running
        _, said = following.communicate(timeout=HANG)
    assert following.returncode == 3
    assert said.startswith("ledger-actors: no ledger is running on")
    assert "Traceback" not in said


def test_a_second_daemon_on_the_folder_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with daemon(tmp_path, "--log-level", "info") as running:
        running.until("Ctrl-C stops it in order")
        with daemon(tmp_path) as second:
            assert second.end() == 1
        assert "in use by process" in second.said[-1]
        assert "Traceback" not in "".join(second.said)
        with connect(tmp_path) as ledger:
            assert ledger.status().pid == running.process.pid


def test_a_root_that_gives_up_ends_the_daemon_with_a_failure(tmp_path: Path) -> None:
    restarts = {"LEDGER_SUPERVISION_MAX_RESTARTS": "0"}
    with daemon(tmp_path, "--log-level", "info", **restarts) as running:
        running.until("Ctrl-C stops it in order")
        with connect(tmp_path) as ledger:
            ledger.actor("journal").crash("for good")
        assert running.end() == 1
    assert "gave_up" in "".join(running.said)


def test_stop_from_the_command_line_waits_for_the_end(tmp_path: Path) -> None:
    with daemon(tmp_path, "--log-level", "info") as running:
        running.until("Ctrl-C stops it in order")
        command = [sys.executable, "-m", "ledger_actors", "stop", "--data", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, timeout=HANG, check=False)
        assert (done.returncode, running.end()) == (0, 0)


def test_a_stop_while_it_comes_up_is_honoured(tmp_path: Path) -> None:
    slow = {"PROJECTOR_HYDRATION_DELAY": "600000"}
    with daemon(tmp_path, "--log-level", "info", **slow) as running:
        running.until("ledger.starting")
        running.until("aggregates")
        running.process.terminate()
        assert running.end() == 0


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    with daemon(file / "data") as running:
        assert running.end() == 1
    assert f"{file} is no folder: name another, or move it away" in running.said[-1]
    assert "Errno" not in "".join(running.said)
    assert "Traceback" not in "".join(running.said)


def test_only_its_owner_can_read_what_it_writes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with daemon(data) as running:
        running.until("Ctrl-C stops it in order")
        with connect(data) as ledger:
            ledger.send("RegisterCompany", company_uuid="c-1", name="Acme")
            ledger.trial_balance()
        modes = {one: one.lstat().st_mode for one in [data, *data.rglob("*")]}
    assert {one.name for one in modes} >= {"events.db", "read-models", "daemon.pid", "ledger.sock"}
    assert [one for one, mode in modes.items() if mode & 0o077 and not stat.S_ISLNK(mode)] == []


def test_a_wrong_setting_is_a_sentence(tmp_path: Path) -> None:
    with daemon(tmp_path, LEDGER_JOURNAL_MAX_BATCH="many") as running:
        assert running.end() == 2
    assert "LEDGER_JOURNAL_MAX_BATCH" in "".join(running.said)


def test_a_client_sees_at_once_that_a_killed_daemon_is_gone(tmp_path: Path) -> None:
    with daemon(tmp_path, "--log-level", "info") as running:
        running.until("Ctrl-C stops it in order")
        ledger = connect(tmp_path)
        running.process.kill()
        running.process.wait(HANG)
        with pytest.raises(errors.LedgerUnavailable, match="make run"):
            ledger.status()
        ledger.close()


def test_commands_survive_a_journal_that_crashes_under_the_door(tmp_path: Path) -> None:
    """The door restarts with the journal; a client with ids goes on as if nothing had been."""
    restarts = {"LEDGER_SUPERVISION_MAX_RESTARTS": "100"}
    with daemon(tmp_path, "--log-level", "info", **restarts) as running:
        running.until("Ctrl-C stops it in order")
        with connect(tmp_path) as ledger:
            ledger.send("RegisterCompany", company_uuid="c-1", name="Acme")
            ledger.send("OpenAccount", account_uuid="a-1", company_uuid="c-1")
            deposits = (
                {
                    "type": "DepositToAccount",
                    "data": {"account_uuid": "a-1", "amount": "1.00"},
                    "command_id": f"d-{number}",
                }
                for number in range(1000)
            )
            for count, _outcome in enumerate(ledger.send_many(deposits, window=64)):
                if count in (100, 500):
                    ledger.actor("journal").crash("under the door")
            assert ledger.state("account", "a-1").balance == "1000.00"
            assert ledger.verify().ok
