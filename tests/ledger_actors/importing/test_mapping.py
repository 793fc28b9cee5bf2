from __future__ import annotations

from pathlib import Path

import pytest

from ledger_actors.importing.columns import Rule
from ledger_actors.importing.errors import ImportingError, MappingError
from ledger_actors.importing.mapping import load_mapping

SMALLEST = '[[file]]\ncommand = "Book"\nfields = { amount = "amount" }\n'
TWO = '[[file]]\nname = "{}"\ncommand = "Book"\nfields = {{ amount = "amount" }}\n'


def _load(tmp_path: Path, text: str) -> MappingError | None:
    path = tmp_path / "bank.toml"
    path.write_text(text, "utf-8")
    try:
        load_mapping(path)
    except MappingError as error:
        return error
    return None


def test_the_smallest_mapping(tmp_path: Path) -> None:
    path = tmp_path / "bank.toml"
    path.write_text(SMALLEST, "utf-8")

    (section,) = load_mapping(path).file

    assert section.rules() == {"amount": Rule(column="amount")}
    assert section.columns() == {"amount"}


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("file = 1", "file", "Expected 'array', got 'int'"),
        ("x = 1\n" + SMALLEST, "", "Object contains unknown field 'x'"),
        ("", "", "Object missing required field 'file'"),
        ("file = []", "file", "is empty; expected at least one [[file]]"),
        ("[[file]]\nfields = {}", "file[0]", "Object missing required field 'command'"),
        ("[[file", "", "is not TOML"),
        (SMALLEST + "delimiter = 5", "file[0].delimiter", "Expected 'str', got 'int'"),
        (SMALLEST + 'delimiter = ";;"', "file[0].delimiter", "';;' is not one character"),
        (SMALLEST + 'quote = "<>"', "file[0].quote", "'<>' is not one character, or none"),
        (SMALLEST + 'encoding = "klingon"', "file[0].encoding", "'klingon' is no encoding"),
        (SMALLEST + 'encoding = "utf-16"', "file[0].encoding", "'utf-16' does not end its lines"),
        (SMALLEST + 'id = { value = "1" }', "file[0].id", "would give every row the same id"),
        (TWO.format("a.csv") + SMALLEST, "file[1].name", "is missing; expected, as there are"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_where_and_what(
    tmp_path: Path, text: str, key: str, problem: str
) -> None:
    error = _load(tmp_path, text)

    assert error is not None
    assert (error.key, error.problem[: len(problem)]) == (key, problem)
    assert str(tmp_path / "bank.toml") in str(error)


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("{}", "expected one of value, column, columns; it has none of them"),
        (
            '{ column = "a", value = 1 }',
            "expected one of value, column, columns; it has column and",
        ),
        ('{ column = "a", date = "%Y", values = { } , sign = 1}', "Expected"),
        (
            '{ column = "a", date = "%Y", amount = {} }',
            "date and amount cannot both make the value",
        ),
        ('{ columns = ["a", "b"], date = "%Y" }', "date needs column, and has columns"),
        ('{ colum = "a" }', "Object contains unknown field 'colum'"),
    ],
)
def test_a_rule_that_cannot_be_carried_out(tmp_path: Path, rule: str, problem: str) -> None:
    error = _load(tmp_path, f'[[file]]\ncommand = "Book"\nfields = {{ amount = {rule} }}')

    assert error is not None
    assert error.problem.startswith(problem)
    assert error.key.startswith("file[0].fields.")


def test_a_mapping_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ImportingError, match=r"no\.toml: cannot be read: No such file"):
        load_mapping(tmp_path / "no.toml")
