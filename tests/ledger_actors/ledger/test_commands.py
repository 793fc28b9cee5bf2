"""Commands: what is accepted, what is refused, and that each says what it is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from ledger_actors.ledger import AGGREGATES, COMMAND_TYPES, HANDLERS
from ledger_actors.ledger.commands.accounts import OpenAccount, RecordBankStatementLine
from ledger_actors.ledger.commands.deals import CreateDeal
from ledger_actors.ledger.commands.grants import GrantBalances
from ledger_actors.ledger.commands.products import OpenProduct
from ledger_actors.ledger.commands.system import CycleSystem
from ledger_actors.ledger.deal_parties import Party
from ledger_actors.runtime import Command

LINE: dict[str, Any] = {
    "account_uuid": "bank-1993-576",
    "line_id": "171812",
    "direction": "in",
    "amount": "900.00",
    "booked_on": "1993-01-01",
}
GRANT: dict[str, Any] = {
    "grant_uuid": "g",
    "sources": [{"from_type": "asset", "from_uuid": "ship"}],
    "destinations": [
        {"to_company_account_uuid": "main", "to_company_uuid": "acme", "amount": "1.00"}
    ],
}


def refusal(kind: type[msgspec.Struct], data: dict[str, Any]) -> str:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(msgspec.json.encode(data), type=kind)
    return str(caught.value)


def test_a_bank_statement_line_is_decoded() -> None:
    line = msgspec.convert(LINE, RecordBankStatementLine)
    assert line.booked_on == date(1993, 1, 1)
    assert line.natural_command_id == "statement-line:bank-1993-576:171812"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"direction": "sideways"}, "direction"),
        ({"booked_on": "1993-02-30"}, "booked_on"),
        ({"booked_on": "930101"}, "booked_on"),
        ({"booked_on": "0001-01-01"}, "the years 1900 to 2999"),
        ({"booked_on": "9999-12-31"}, "the years 1900 to 2999"),
        ({"account_uuid": ""}, "account_uuid: expected 1 to 64 letters"),
        ({"account_uuid": "a" * 65}, "65 characters"),
        ({"account_uuid": "a b"}, "account_uuid: expected"),
        ({"account_uuid": "a/../b"}, "account_uuid: expected"),
        ({"account_uuid": "ä"}, "account_uuid: expected"),
        ({"account_uuid": "a\n"}, "account_uuid: expected"),
        ({"account_uuid": 5}, "account_uuid"),
        ({"text": "x" * 2001}, "text: expected 0 to 2000 characters; got 2001"),
        ({"text": "x" * 10_000_000}, "got 10000000"),
        ({"text": "a\x00b"}, "control characters"),
        ({"amount": 900.0}, "amount"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(RecordBankStatementLine, LINE | change)


@pytest.mark.parametrize("missing", sorted(LINE))
def test_a_missing_field_is_named(missing: str) -> None:
    data = {name: value for name, value in LINE.items() if name != missing}
    assert missing in refusal(RecordBankStatementLine, data)


def test_half_a_character_is_no_text() -> None:
    with pytest.raises(ValueError, match="UTF-8"):
        OpenAccount(account_uuid="a", company_uuid="b", name="\ud800")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sources": []}, "sources: expected 1 to 1000 of them; got none"),
        ({"destinations": []}, "destinations: expected 1 to 1000 of them; got none"),
        ({"sources": GRANT["sources"] * 1001}, "got 1001"),
        ({"sources": [{"from_type": "account", "from_uuid": "x"}]}, "sources[0]"),
        ({"sources": [{"from_type": "asset"}]}, "from_uuid"),
        ({"destinations": [GRANT["destinations"][0] | {"amount": "0"}]}, "destinations[0]"),
    ],
)
def test_a_grant_needs_sources_and_destinations(change: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(GrantBalances, GRANT | change)


@pytest.mark.parametrize(
    ("parties", "line", "sentence"),
    [
        ((), 4, "1 to 100 parties"),
        ((Party(company_uuid="a", role="r"),) * 2, 4, "twice"),
        ([Party(company_uuid="a", role="r")], 4, "a tuple of Party"),
        ((Party(company_uuid="a b", role="r"),), 4, "company_uuid: expected"),
        ((Party(company_uuid="a", role="r"),), 0, "product_line: expected a whole number"),
        ((Party(company_uuid="a", role="r"),), True, "product_line: expected a whole number"),
    ],
)
def test_a_deal_needs_parties_and_a_product_line(parties: Any, line: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        CreateDeal(deal_uuid="d", product_line=line, rating_tier="A", parties=parties)


@pytest.mark.parametrize("rate", ["1.1", "2", "-0.1", "0.0000000000001", "5%"])
def test_a_rate_is_from_0_to_1(rate: str) -> None:
    with pytest.raises(ValueError, match="daily_late_fee_rate: expected"):
        OpenProduct(
            product_uuid="p",
            deal_uuid="d",
            paying_role="r",
            amount="1",
            due_on=date(2026, 1, 1),
            daily_late_fee_rate=rate,
        )


def test_a_moment_is_no_date() -> None:
    with pytest.raises(ValueError, match="new_date: expected a date"):
        CycleSystem(new_date=datetime(2026, 1, 1, tzinfo=UTC))


def test_there_is_one_system() -> None:
    assert "system_uuid" in refusal(CycleSystem, {"new_date": "2026-01-01", "system_uuid": "two"})


@pytest.mark.parametrize("kind", COMMAND_TYPES, ids=lambda kind: kind.command_type)
def test_help_can_be_made_from_a_command(kind: type[Command]) -> None:
    """Each has a stable name, a first line that says what it does, and no field without words."""
    summary = (kind.__doc__ or "").splitlines()[0]
    assert summary.endswith((".", ":"))
    assert kind.command_type
    described = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"]
    for name, field in described.items():
        told = {"description", "enum", "const"} & {*field, *field.get("anyOf", [{}])[0]}
        assert told, f"{name} of {kind.__name__} is without a description"


def test_every_command_is_taken_by_one_aggregate_or_handler() -> None:
    taken = [kind for aggregate in AGGREGATES for kind in aggregate.commands]
    taken += [handler.command for handler in HANDLERS]
    assert sorted(taken, key=repr) == sorted(COMMAND_TYPES, key=repr)
