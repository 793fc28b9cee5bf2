"""Amounts: exact decimals as strings, and a sentence for everything else."""

from __future__ import annotations

from decimal import Decimal, Inexact, localcontext
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.ledger.amounts import add, check_amount, daily_fee, subtract, total
from ledger_actors.ledger.commands.accounts import DepositToAccount
from ledger_actors.ledger.commands.assets import RevalueAsset

amounts = st.decimals(min_value=0, max_value=Decimal(10) ** 20 - 1, places=6)
rates = st.decimals(min_value=0, max_value=1, places=12)


@pytest.mark.parametrize("text", ["1", "0.01", "12.50", "0.000001", "99999999999999999999.999999"])
def test_a_plain_decimal_above_zero_is_an_amount(text: str) -> None:
    check_amount("amount", text)
    assert str(Decimal(text)) == text


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("-5", "no sign"),
        ("+5", "no sign"),
        ("1e9999", "no exponent"),
        ("NaN", "no NaN or Infinity"),
        ("sNaN", "no NaN or Infinity"),
        ("Infinity", "no NaN or Infinity"),
        ("-Infinity", "no NaN or Infinity"),
        ("", "plain digits"),
        (" 5", "no spaces"),
        ("5\n", "plain digits"),
        ("1_000", "plain digits"),
        ("1,50", "plain digits"),
        ("\u0665", "plain digits"),
        ("007", "plain digits"),
        (".5", "plain digits"),
        ("5.", "plain digits"),
        ("0x10", "plain digits"),
        ("0", "above zero"),
        ("0.000000", "above zero"),
        ("1" * 40, "at most 20 digits before the point; got 40"),
        ("1." + "1" * 40, "at most 6 digits after the point; got 40"),
        (1.5, "as a string, such as '12.50'; got the float 1.5"),
        (5, "got the int 5"),
        (Decimal("1.5"), "got the Decimal"),
        (True, "got the bool True"),
        (float("nan"), "got the float nan"),
        (None, "got the NoneType None"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(wrong: object, sentence: str) -> None:
    with pytest.raises(ValueError, match="amount: expected") as caught:
        check_amount("amount", wrong)
    assert sentence in str(caught.value)


def test_a_very_long_text_is_not_repeated_in_the_sentence() -> None:
    with pytest.raises(ValueError, match=r"\(10000000 characters\)") as caught:
        check_amount("amount", "9x" * 5_000_000)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("wrong", ["1.5", "5", "true", "null", '"NaN"', '"-5"', '"0"', "{}", "[]"])
def test_json_with_a_wrong_amount_is_no_command(wrong: str) -> None:
    raw = f'{{"account_uuid": "a", "amount": {wrong}}}'.encode()
    with pytest.raises(msgspec.ValidationError, match=r"amount|Expected"):
        msgspec.json.decode(raw, type=DepositToAccount)


def test_a_command_built_in_python_is_checked_as_well() -> None:
    with pytest.raises(ValueError, match="amount: expected a decimal as a string"):
        DepositToAccount(account_uuid="a", amount=1.5)  # type: ignore[arg-type]


def test_none_is_no_amount() -> None:
    with pytest.raises(ValueError, match="amount: expected a decimal as a string"):
        DepositToAccount(account_uuid="a", amount=None)  # type: ignore[arg-type]


def test_a_value_moves_no_money_and_may_be_zero() -> None:
    assert RevalueAsset(asset_uuid="a", value="0").value == "0"


@given(st.lists(amounts))
def test_sums_are_exact(some: list[Decimal]) -> None:
    assert Fraction(total(some)) == sum(map(Fraction, some), Fraction(0))


@given(amounts, amounts)
def test_a_difference_undoes_a_sum(one: Decimal, other: Decimal) -> None:
    assert subtract(add(one, other), other) == one


def test_a_sum_that_would_have_to_be_rounded_is_an_error() -> None:
    with pytest.raises(Inexact):
        add(Decimal(10) ** 59, Decimal("0.000001"))


@pytest.mark.parametrize(
    ("value", "rate", "fee"),
    [
        ("250.00", "0.0001", "0.02"),
        ("350.00", "0.0001", "0.04"),
        ("250.01", "0.0001", "0.03"),
        ("1000.00", "0.0005", "0.50"),
        ("49.99", "0.0001", "0.00"),
        ("50.00", "0.0001", "0.00"),
        ("50.01", "0.0001", "0.01"),
        ("99999999999999999999.999999", "1", "100000000000000000000.00"),
        ("100", "0", "0.00"),
    ],
)
def test_a_daily_fee_is_rounded_to_cents_a_half_to_the_even_cent(
    value: str, rate: str, fee: str
) -> None:
    assert str(daily_fee(Decimal(value), Decimal(rate))) == fee


@given(amounts, rates)
def test_a_fee_is_the_nearest_cent_whatever_the_context(value: Decimal, rate: Decimal) -> None:
    with localcontext(prec=3):
        fee = daily_fee(value, rate)
    cents = Fraction(value) * Fraction(rate) * 100
    assert abs(Fraction(fee) * 100 - cents) <= Fraction(1, 2)
    assert Fraction(fee) * 100 == round(cents)  # Python rounds a fraction's half to even
    assert fee.as_tuple().exponent == -2
