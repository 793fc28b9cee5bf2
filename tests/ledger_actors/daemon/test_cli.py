"""The command line, with a daemon."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ledger_actors import connect
from ledger_actors.application import AGGREGATE_CLASSES
from ledger_actors.daemon.cli import COMMANDS, cli
from ledger_actors.demos import NAMES
from ledger_actors.demos.daemon_process import DaemonProcess

pytestmark = pytest.mark.external


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Iterator[Path]:
    made: Path = tmp_path_factory.mktemp("cli") / "data"
    with DaemonProcess(made, LEDGER_ENV="test"), connect(made) as ledger:
        ledger.send("RegisterCompany", company_uuid="c-1", name="Acme")
        ledger.send("OpenAccount", account_uuid="a-1", company_uuid="c-1")
        yield made


def run(folder: Path, *arguments: str, text: str | None = None) -> Result:
    verb, *rest = arguments
    return CliRunner().invoke(cli, [verb, "--data", str(folder), *rest], input=text)


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb_has_help(verb: str) -> None:
    told = CliRunner().invoke(cli, [verb, "--help"])
    assert told.exit_code == 0
    assert len(told.output.splitlines()) > 4


def test_help_lists_the_demos_and_the_kinds() -> None:
    demos = CliRunner().invoke(cli, ["demo", "--help"]).output
    assert re.findall(r"^  ([a-z]+-?[a-z0-9]*)  +\S", demos, re.MULTILINE) == list(NAMES)
    kinds = " ".join(CliRunner().invoke(cli, ["state", "--help"]).output.split())
    assert all(kind.category in kinds for kind in AGGREGATE_CLASSES)


def test_a_verb_that_is_nearly_one_is_named() -> None:
    told = CliRunner().invoke(cli, ["stat", "account", "a-1"])
    assert told.exit_code == 2
    assert "did you mean" in told.stderr


def test_send_prints_the_events(folder: Path) -> None:
    told = run(folder, "send", "DepositToAccount", "account_uuid=a-1", "amount=10.00")
    assert told.exit_code == 0
    assert "AccountCredited account-a-1" in told.output


def test_send_takes_json_fields_whole_commands_and_ids(folder: Path) -> None:
    deal = ["deal_uuid=d-1", "product_line:=4", "rating_tier=gold"]
    parties = 'parties:=[{"company_uuid": "c-1", "role": "member"}]'
    assert run(folder, "send", "CreateDeal", *deal, parties).exit_code == 0
    wire = {"type": "RenameCompany", "data": {"company_uuid": "c-1", "name": "Acme & Co"}}
    first = run(folder, "send", "-", "--command-id", "x", "--json", text=json.dumps(wire))
    again = run(folder, "send", json.dumps(wire), "--command-id", "x", "--json")
    assert json.loads(again.output)["duplicate"] is True
    assert json.loads(again.output)["events"] == json.loads(first.output)["events"]


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        (["account_uuid=a-1", "amount=1e9999"], 1, "amount"),
        (["account_uuid=nobody", "amount=1.00"], 1, "does not exist"),
        (["amount"], 2, "FIELD=VALUE"),
        (["amount:={"], 2, "not JSON"),
    ],
)
def test_a_refusal_is_a_sentence_and_a_status(
    folder: Path, fields: list[str], status: int, says: str
) -> None:
    told = run(folder, "send", "DepositToAccount", *fields)
    assert told.exit_code == status
    assert says in told.stderr
    assert "Traceback" not in told.stderr


def test_state_now_and_then(folder: Path) -> None:
    assert "name          account" in run(folder, "state", "account", "a-1").output
    then = run(folder, "state", "company", "c-1", "--as-of", "1", "--json")
    assert json.loads(then.output)["name"] == "Acme"
    assert run(folder, "state", "account", "nobody").exit_code == 1


def test_events_by_type_as_json(folder: Path) -> None:
    told = run(folder, "events", "--type", "Account*", "--limit", "1", "--json")
    assert json.loads(told.output)["type"] == "AccountOpened"


def test_tree_status_commands_and_verify(folder: Path) -> None:
    assert "└── endpoint" in run(folder, "tree").output
    assert json.loads(run(folder, "tree", "--json").output)["id"] == "application"
    assert "funding_accounts" in run(folder, "status").output
    assert json.loads(run(folder, "status", "--json").output)["env"] == "test"
    assert "account_uuid" in run(folder, "commands", "OpenAccount").output
    assert run(folder, "commands", "Nothing").exit_code == 1
    assert json.loads(run(folder, "verify", "--json").output)["ok"] is True
    assert "the chain holds" in run(folder, "verify").output


def test_import_takes_json_lines_and_its_status_tells(folder: Path, tmp_path: Path) -> None:
    lines = [
        {"type": "OpenAccount", "data": {"account_uuid": "a-2", "company_uuid": "c-1"}},
        {"type": "DepositToAccount", "data": {"account_uuid": "a-2", "amount": "-1"}},
    ]
    file = tmp_path / "commands.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\n")
    told = run(folder, "import", str(file))
    assert told.exit_code == 1
    assert "line 2" in told.output


def test_without_a_daemon_the_status_is_three(tmp_path: Path) -> None:
    told = run(tmp_path, "status")
    assert told.exit_code == 3
    assert "make run" in told.stderr
