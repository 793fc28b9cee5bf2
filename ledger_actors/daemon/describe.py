"""The commands put into words, from their structs: so that they can be learnt at a shell."""

from __future__ import annotations

import inspect as python_inspect
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import inspect

from ledger_actors.daemon.protocol import CommandField, CommandInfo

_PLAIN: dict[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
    inspect.DateType: "a date, as 2026-03-02",
    inspect.DateTimeType: "a time, as 2026-03-02T20:00:00Z",
    inspect.DecimalType: "a decimal in a string",
    inspect.NoneType: "null",
}


def describe(commands: Mapping[str, type[msgspec.Struct]]) -> tuple[CommandInfo, ...]:
    """Each command with its summary and fields, in the order of their names."""
    return tuple(_info(name, kind) for name, kind in sorted(commands.items()))


def _info(name: str, kind: type[msgspec.Struct]) -> CommandInfo:
    declared = inspect.type_info(kind)
    assert isinstance(declared, inspect.StructType)  # what type_info says of a Struct
    fields = tuple(_field(field) for field in declared.fields)
    return CommandInfo(name, summary_of(kind), fields)


def summary_of(kind: type) -> str:
    """The first paragraph of a docstring, on one line."""
    told = python_inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0]
    return " ".join(told.split())


def _field(field: inspect.Field) -> CommandField:
    default = None if field.required else _default(field)
    return CommandField(field.encode_name, in_words(field.type), field.required, default)


def _default(field: inspect.Field) -> Any:
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.to_builtins(value)


def in_words(kind: inspect.Type) -> str:
    """What is expected, in words."""
    if isinstance(kind, inspect.Metadata):
        told = (kind.extra_json_schema or {}).get("description")
        return str(told) if told else in_words(kind.type)
    if isinstance(kind, inspect.LiteralType):
        return " or ".join(repr(value) for value in kind.values)
    if isinstance(kind, inspect.EnumType):
        return " or ".join(repr(member.value) for member in kind.cls)
    if isinstance(kind, inspect.UnionType):
        return " or ".join(_each(kind.types))
    if isinstance(kind, inspect.ListType | inspect.VarTupleType | inspect.SetType):
        return f"a list of: {in_words(kind.item_type)}"
    if isinstance(kind, inspect.StructType):
        inner = ", ".join(f"{field.encode_name}: {in_words(field.type)}" for field in kind.fields)
        return f"{{{inner}}}"
    return _PLAIN.get(type(kind), type(kind).__name__.removesuffix("Type").lower())


def _each(kinds: Iterable[inspect.Type]) -> Iterable[str]:
    return dict.fromkeys(in_words(kind) for kind in kinds)
