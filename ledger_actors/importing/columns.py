"""How a field of a command is made from the columns of a row: pure, one rule a field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec


class Sign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a signed amount says about its direction; `amount` beside it says how it is written."""

    positive: str
    negative: str


class AmountForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How amounts are written: `1.234,50` has `decimal = ","` and `group = "."`."""

    decimal: str = "."
    group: str = ""
    absolute: bool = False
    """Drop the sign; `sign` in another field's rule then says the direction."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One field: a constant `value`, or a `column` (or several) and what to make of its text."""

    value: Any = None
    column: str | None = None
    columns: tuple[str, ...] = ()
    join: str = " "
    prefix: str = ""
    date: str | None = None
    amount: AmountForm | None = None
    sign: Sign | None = None
    values: dict[str, str] | None = None
    optional: bool = False

    def sources(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return (self.column,) if self.column is not None else self.columns


class BadField(ValueError):
    """A row's text is not what the rule for the field says it should be."""


_PLAIN_AMOUNT = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def field_value(rule: Rule, row: Mapping[str, str]) -> Any:
    """The field's value, or None where the rule is optional and its columns are empty.

    Raises BadField, with a sentence that names the column. `row` has every column of the rule.
    """
    sources = rule.sources()
    if not sources:
        return rule.value
    texts = [row[name].strip() for name in sources]
    text = rule.join.join(text for text in texts if text)
    if not text and rule.optional:
        return None
    return rule.prefix + _converted(rule, sources[0], text)


def _converted(rule: Rule, column: str, text: str) -> str:
    if rule.values is not None:
        return _listed(rule.values, column, text)
    if rule.date is not None:
        return _date(rule.date, column, text)
    if rule.sign is not None:
        amount = _amount(rule.amount or AmountForm(), column, text)
        return rule.sign.negative if amount.startswith("-") else rule.sign.positive
    if rule.amount is not None:
        amount = _amount(rule.amount, column, text)
        return amount.removeprefix("-") if rule.amount.absolute else amount
    return text


def _listed(values: Mapping[str, str], column: str, text: str) -> str:
    if text not in values:
        known = ", ".join(repr(value) for value in values)
        raise BadField(f"column {column!r} has {text!r}; the mapping knows {known}")
    return values[text]


def _date(form: str, column: str, text: str) -> str:
    try:
        return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007 - a date has no zone
    except ValueError as error:
        raise BadField(f"column {column!r} has {text!r}, which is no date like {form}") from error


def _amount(form: AmountForm, column: str, text: str) -> str:
    plain = text.replace(form.group, "") if form.group else text
    if form.decimal != ".":
        plain = plain.replace(".", "?").replace(form.decimal, ".")
    if not _PLAIN_AMOUNT.fullmatch(plain):
        raise BadField(f"column {column!r} has {text!r}, which is no amount")
    return str(Decimal(plain))
