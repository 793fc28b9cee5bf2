from __future__ import annotations

import io

import pytest

from ledger_actors.importing.columns import AmountForm, Rule, Sign
from ledger_actors.importing.csv_commands import read_csv_commands
from ledger_actors.importing.mapping import FileSection
from ledger_actors.importing.records import BadLine, CommandLine, Record

SECTION = FileSection(
    command="Book",
    delimiter=";",
    id=Rule(column="no", prefix="bank:"),
    fields={
        "account_id": "iban",
        "on": Rule(column="when", date="%y%m%d"),
        "direction": Rule(column="kind", values={"CR": "in", "DB": "out"}),
        "amount": Rule(column="amount", amount=AmountForm()),
        "text": Rule(columns=("why", "who"), join=", ", optional=True),
        "currency": Rule(value="CZK"),
    },
)
HEADER = '"no";"iban";"when";"kind";"amount";"why";"who"\n'


def _read(text: str | bytes, section: FileSection = SECTION) -> list[Record]:
    raw = text.encode() if isinstance(text, str) else text
    return list(read_csv_commands(io.BytesIO(raw), section, "rows.csv"))


def _data(text: str, section: FileSection) -> dict[str, object]:
    (record,) = _read(text, section)
    assert isinstance(record, CommandLine), record
    data: dict[str, object] = record.command["data"]
    return data


def test_a_row_becomes_the_command_that_the_mapping_makes() -> None:
    (record,) = _read(HEADER + '17;A1;930105;"CR";700.00;"rent; May";Eve\n')

    assert isinstance(record, CommandLine)
    assert record.number == 2
    assert record.command == {
        "type": "Book",
        "command_id": "bank:17",
        "data": {
            "account_id": "A1",
            "on": "1993-01-05",
            "direction": "in",
            "amount": "700.00",
            "text": "rent; May, Eve",
            "currency": "CZK",
        },
    }


def test_an_optional_field_without_text_is_left_out() -> None:
    (record,) = _read(HEADER + "17;A1;930105;DB;1;;\n")

    assert isinstance(record, CommandLine)
    assert "text" not in record.command["data"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("17;A1;930105;CR;7.00;x", "6 columns where the header has 7"),
        ("17;A1;930105;CR;7.00;x;y;z", "8 columns where the header has 7"),
        ('17;A1;930105;CR;7.00;"torn', "torn, or badly quoted: unexpected end of data"),
        (
            "17;A1;931305;CR;7.00;x;y",
            "on: column 'when' has '931305', which is no date like %y%m%d",
        ),
        ("17;A1;930105;XX;7.00;x;y", "direction: column 'kind' has 'XX'; the mapping knows 'CR'"),
        ("17;A1;930105;CR;7,00;x;y", "amount: column 'amount' has '7,00', which is no amount"),
        ("17;A1;930105;CR;NaN;x;y", "amount: column 'amount' has 'NaN', which is no amount"),
        ("17;A1;930105;CR;1e3;x;y", "amount: column 'amount' has '1e3', which is no amount"),
        ("17;A1;930105;CR;;x;y", "amount: column 'amount' has '', which is no amount"),
        (";A1;930105;CR;7.00;x;y", "id: column 'no' is empty"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_does_not_stop_the_rest(row: str, problem: str) -> None:
    good = "18;A1;930105;CR;7.00;x;y\n"
    bad, after = _read(f"{HEADER}{row}\n{good}")

    assert isinstance(bad, BadLine)
    assert (bad.number, bad.problem[: len(problem)]) == (2, problem)
    assert isinstance(after, CommandLine)
    assert after.number == 3


def test_a_row_in_another_encoding_is_one_bad_line() -> None:
    raw = (HEADER + "17;A1;930105;CR;7.00;Kč;y\n").encode("cp1250")

    (bad,) = _read(raw + b"\n")

    assert isinstance(bad, BadLine)
    assert bad.problem == "not utf-8: byte 23 is 0xe8"


def test_without_an_id_column_a_row_s_id_comes_from_what_it_says() -> None:
    section = FileSection(command="Book", fields={"amount": "amount"})
    once, twice = (_read(f"amount\n{rows}", section) for rows in ("5\n", "5\n5\n"))
    ids = [one.command["command_id"] for one in once + twice if isinstance(one, CommandLine)]

    assert ids[0] == ids[1] != ids[2]


def test_columns_are_named_by_the_mapping_where_the_file_does_not() -> None:
    section = FileSection(command="Book", header=("amount", "x"), fields={"amount": "amount"})

    (record,) = _read("5,6\n", section)

    assert (record.number, isinstance(record, CommandLine)) == (1, True)


@pytest.mark.parametrize(
    ("written", "rule", "value"),
    [
        ("1.234,50", Rule(column="a", amount=AmountForm(decimal=",", group=".")), "1234.50"),
        ("-12.00", Rule(column="a", amount=AmountForm(absolute=True)), "12.00"),
        ("-12.00", Rule(column="a", sign=Sign(positive="in", negative="out")), "out"),
        ("12.00", Rule(column="a", sign=Sign(positive="in", negative="out")), "in"),
        (
            "-1,5",
            Rule(
                column="a", amount=AmountForm(decimal=","), sign=Sign(positive="in", negative="out")
            ),
            "out",
        ),
        ("+7", Rule(column="a", amount=AmountForm()), "7"),
        (
            "1234567890123456789012345678901234567890.01",
            Rule(column="a", amount=AmountForm()),
            None,
        ),
    ],
)
def test_amounts_as_banks_write_them(written: str, rule: Rule, value: str | None) -> None:
    section = FileSection(command="Book", delimiter=";", fields={"amount": rule})

    assert _data(f"a\n{written}\n", section)["amount"] == (value or written)
