"""`ledger-actors import`, as it is typed, with a daemon of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ledger_actors.daemon.cli import cli
from ledger_actors.demos.daemon_process import DaemonProcess

EXAMPLES = Path(__file__).parents[3] / "examples"
BAD_LINES = """\
{"type": "RegisterCompany", "data": {"company_uuid": "b-1", "name": "Bolt"}}
{"type": "RegisterCompany", "data": {"company_
{"type": "RegisterCompani", "data": {}}
{"type": "DepositToCompany", "data": {"company_uuid": "nobody", "amount": "5"}}
{"type": "DepositToCompany", "data": {"company_uuid": "b-1", "amount": 5.0}}

{"type": "DepositToCompany", "data": {"company_uuid": "b-1", "amount": "5"}}
"""

pytestmark = pytest.mark.external


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("import") / "data"
    with DaemonProcess(folder, LEDGER_ENV="test"):
        yield folder


def _import(data: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["import", "--data", str(data), *map(str, arguments)])


def test_the_example_goes_in_and_a_second_time_is_there_already(data: Path) -> None:
    first, second = (_import(data, EXAMPLES / "commands.jsonl") for _ in range(2))

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.split()[-4:] == ["commands.jsonl", "4", "0", "0"]
    assert second.stdout.split()[-4:] == ["commands.jsonl", "0", "4", "0"]


def test_what_is_wrong_is_told_by_line_and_the_rest_is_in(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(BAD_LINES)

    result = _import(data, file)

    told = result.stdout.splitlines()
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in told[:4]] == [
        f"bad.jsonl, line {number}" for number in (2, 3, 4, 5)
    ]
    assert told[-1].split() == ["bad.jsonl", "2", "0", "4"]


@pytest.mark.parametrize("arguments", [["no.jsonl"], ["x.csv"], ["x.csv", "--mapping", "no.toml"]])
def test_what_cannot_be_used_is_a_sentence_and_status_2(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")
    monkeypatch.chdir(tmp_path)

    result = _import(data, *arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith("ledger-actors: ")
    assert result.stderr.count("\n") == 1
