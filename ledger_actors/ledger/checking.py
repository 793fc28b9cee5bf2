"""Commands that check themselves, however they were made: decoded from JSON or built in a shell.

A field's type carries its check and its description: `Amount`, `Identifier`, ... are strings with
a `msgspec.Meta`. msgspec decodes and refuses wrong JSON types by itself; what JSON cannot say
(above zero, at most 64 characters) is checked here after construction, so that
`DepositToAccount(amount=1.5, ...)` typed at a Python prompt is refused with the same sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

import msgspec
from msgspec import inspect

from ledger_actors.runtime import Command

__all__ = ["LedgerCommand", "Part", "check_fields"]

Check = Callable[[str, object], None]
Match = Callable[[str], object]
_Checked = tuple[str, Match | None, Check]
"""A field, what all strings match that its check takes as a rule, and the check itself."""


class LedgerCommand(Command, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The root of the ledger's commands. Its fields are keyword-only and checked.

    Raises:
        ValueError: on construction, with a sentence that names the field; where it was decoded
            from JSON, msgspec makes a `ValidationError` of it.
    """

    def __post_init__(self) -> None:
        check_fields(self)


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A struct inside a command, checked in the same way."""

    def __post_init__(self) -> None:
        check_fields(self)


def check_fields(struct: msgspec.Struct) -> None:
    """Run the check of each field's type.

    Raises:
        ValueError: of the first field that is not what its type says.
    """
    for name, pattern, check in _checks(type(struct)):
        value = getattr(struct, name)
        if pattern is None or value.__class__ is not str or pattern(value) is None:
            check(name, value)


@cache
def _checks(kind: type[msgspec.Struct]) -> tuple[_Checked, ...]:
    return tuple(_declared(kind))


def _declared(kind: type[msgspec.Struct]) -> Iterator[_Checked]:
    declared = inspect.type_info(kind)
    assert isinstance(declared, inspect.StructType)
    for field in declared.fields:
        check = _check_of(field.type)
        if check is not None:
            yield field.name, _pattern_of(field.type), check


def _pattern_of(kind: inspect.Type) -> Match | None:
    told = kind.extra or {} if isinstance(kind, inspect.Metadata) else {}
    pattern: re.Pattern[str] | None = told.get("pattern")
    return pattern and pattern.fullmatch


def _check_of(kind: inspect.Type) -> Check | None:
    if isinstance(kind, inspect.UnionType):
        return _optional(next(filter(None, map(_check_of, kind.types)), None))
    if isinstance(kind, inspect.Metadata):
        check: Check | None = (kind.extra or {}).get("check")
        return check
    if isinstance(kind, inspect.LiteralType):
        return _one_of(kind.values)
    return None


def _optional(inner: Check | None) -> Check | None:
    def check(name: str, value: object) -> None:
        if inner is not None and value is not None:
            inner(name, value)

    return None if inner is None else check


def _one_of(values: tuple[object, ...]) -> Check:
    def check(name: str, value: object) -> None:
        if value not in values:
            msg = f"{name}: expected {' or '.join(map(repr, values))}; got {value!r:.60}"
            raise ValueError(msg)

    return check
