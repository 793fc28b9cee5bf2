"""PEERS.md says which test covers which of our peers' cases; this keeps it honest."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
TABLE = (HERE / "PEERS.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TABLE.splitlines()
    if line.startswith("|") and not line.startswith(("| Case", "| Test", "| ---"))
]


def _tests_in(*folders: Path) -> set[str]:
    files = [path for folder in folders for path in folder.glob("test_*.py")]
    return {
        name
        for path in files
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_every_test_that_the_table_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", "\n".join("|".join(row) for row in ROWS)))

    assert named - _tests_in(HERE, HERE.parent / "supervision") == set()


def test_every_test_named_after_a_peers_case_is_in_the_table() -> None:
    ours = {name for name in _tests_in(HERE) if name.startswith(("test_otp_", "test_ex_"))}

    assert {name for name in ours if f"`{name}`" not in TABLE} == set()


def test_every_case_has_a_test_or_a_reason_for_having_none() -> None:
    for case in (row for row in ROWS if len(row) == 4):
        name, mark, tests, status = case
        assert mark in {"S!", "S", "-"}, name
        kind = re.split(r"[:;]", status)[0]
        assert kind in {"ported", "restated", "differs", "not applicable", "open"}, name
        assert bool(tests) == (kind in {"ported", "restated", "differs"}), name
