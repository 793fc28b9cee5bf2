"""A refused field says what would have been right."""

from __future__ import annotations

import pytest

from ledger_actors.daemon.field_hints import with_hint
from ledger_actors.daemon.protocol import CommandField, CommandInfo

PAY = CommandInfo(
    "Pay",
    "Pay.",
    (
        CommandField("account_uuid", "an id", required=True),
        CommandField("amount", "an amount as a string: '12.50'", required=True),
    ),
)


@pytest.mark.parametrize(
    ("sentence", "hint"),
    [
        ("Pay: Expected `str`, got `float` - at `$.amount`", "amount is an amount as a string"),
        ("Pay: Number out of range - at `$.amount[0].x`", "amount is an amount as a string"),
        ("Pay: Object missing required field `amount`", "amount is an amount as a string"),
        ("Pay: Object contains unknown field `amonut`", "did you mean `amount`?"),
        ("Pay: Object contains unknown field `colour`", "it has account_uuid, amount"),
    ],
)
def test_it_names_what_the_field_takes_or_the_field_that_was_meant(
    sentence: str, hint: str
) -> None:
    told = with_hint(sentence, [PAY])
    assert told.startswith(f"{sentence}; {hint}")


@pytest.mark.parametrize(
    "sentence",
    [
        "Pay: amount: expected an amount above zero; got '0'",
        "Pay: amount: expected plain digits; got '-3' - at `$.amount[0]`",
        "Pay: Expected `object`, got `array`",
        "Pay: Expected `str`, got `int` - at `$.elsewhere`",
        "Other: Object missing required field `amount`",
        "this is no JSON",
    ],
)
def test_it_adds_nothing_where_it_knows_nothing(sentence: str) -> None:
    assert with_hint(sentence, [PAY]) == sentence
