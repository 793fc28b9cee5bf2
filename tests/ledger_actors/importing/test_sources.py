from __future__ import annotations

from pathlib import Path

import pytest

from ledger_actors.importing.errors import ImportingError
from ledger_actors.importing.records import CommandLine
from ledger_actors.importing.sources import plan_stages

FOLDER_MAPPING = """
[[preamble]]
type = "RegisterCompany"
command_id = "bank:company"
data = { company_id = "bank" }

[[file]]
name = "accounts.csv"
command = "OpenAccount"
fields = { account_id = "id" }

[[file]]
name = "rows.csv"
command = "Book"
fields = { amount = "amount" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bank.toml").write_text(FOLDER_MAPPING)
    (tmp_path / "rows.csv").write_text("amount\n5\n")
    (tmp_path / "accounts.csv").write_text("id,opened\nA1,1993\n")
    return tmp_path


def test_a_folder_goes_in_stage_by_stage_in_the_order_of_the_mapping(folder: Path) -> None:
    stages = plan_stages(folder, folder / "bank.toml")

    commands = [
        (stage.name, record.command["type"])
        for stage in stages
        for record in stage.records()
        if isinstance(record, CommandLine)
    ]
    assert commands == [
        ("bank.toml", "RegisterCompany"),
        ("accounts.csv", "OpenAccount"),
        ("rows.csv", "Book"),
    ]


def test_one_file_of_a_folder_s_mapping_goes_in_alone(folder: Path) -> None:
    stages = plan_stages(folder / "rows.csv", folder / "bank.toml")

    assert [stage.name for stage in stages] == ["bank.toml", "rows.csv"]


def test_a_line_can_be_read_as_often_as_wanted(folder: Path) -> None:
    stage = plan_stages(folder / "rows.csv", folder / "bank.toml")[-1]

    assert list(stage.records()) == list(stage.records())
    assert stage.size == 9


@pytest.mark.parametrize(
    ("file", "mapping", "sentence"),
    [
        ("no.jsonl", None, "there is no such file"),
        (".", None, "is a folder; a mapping says which files in it go in"),
        ("rows.csv", None, "is not named as JSON Lines are"),
        ("bank.toml", "bank.toml", "none is named bank.toml; there are accounts.csv, rows.csv"),
    ],
)
def test_what_cannot_go_in_is_told_before_anything_is_sent(
    folder: Path, file: str, mapping: str | None, sentence: str
) -> None:
    with pytest.raises(ImportingError, match=sentence):
        plan_stages(folder / file, folder / mapping if mapping else None)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("id\n1\n", "has no column 'amount', which the mapping reads; it has 'id'"),
        ("", "is empty: its first line should name the columns"),
        ("amount,amount\n", "its first line names the column 'amount' twice"),
    ],
)
def test_a_file_whose_columns_are_not_there(folder: Path, content: str, sentence: str) -> None:
    """The accounts are not opened either: every file is looked at first."""
    (folder / "rows.csv").write_text(content)

    with pytest.raises(ImportingError, match=sentence):
        plan_stages(folder, folder / "bank.toml")


def test_json_lines_in_utf_16_are_refused_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("{}", "utf-16")

    with pytest.raises(ImportingError, match="is UTF-16"):
        plan_stages(tmp_path / "x.jsonl", None)
