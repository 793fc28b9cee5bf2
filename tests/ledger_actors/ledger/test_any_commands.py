"""Commands of every kind with whatever may stand in their fields: each is taken or refused.

None of them crashes an actor, and the books balance after all. `FUZZ_EXAMPLES=500` makes it long.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from ledger_actors import Ledger
from ledger_actors.daemon.errors import InvalidCommand, Rejected
from ledger_actors.daemon.protocol import CommandAnswer
from ledger_actors.ledger import COMMAND_TYPES

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))

EXPECTED = CommandAnswer | Rejected | InvalidCommand

IDS = st.sampled_from(["a", "b", "a", "b", "A" * 64, "a/b"])
AMOUNTS = st.sampled_from(["0.000001", "1", "2.50", "9" * 20 + ".999999", "0", "0.5", "-1"])
DATES = st.sampled_from(["1900-01-01", "2024-02-29", "2026-11-01", "2999-12-31", "2026-03-08"])
TEXTS = st.sampled_from(["", "x", "\U0001f600" * 200, "'; DROP TABLE events; --", "\u202e{}[red]"])
NUMBERS = st.sampled_from([0, 1, 4, 10_000, -1, 2**63])


PLAIN = {inspect.DateType: DATES, inspect.IntType: NUMBERS, inspect.NoneType: st.none()}


def values(field: inspect.Field, kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.Metadata():
            return values(field, kind.type)
        case inspect.UnionType():
            return st.one_of(*(values(field, one) for one in kind.types))
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.VarTupleType():
            return st.lists(values(field, kind.item_type), min_size=1, max_size=3)
        case inspect.StructType():
            return fields_of(kind.cls)
        case inspect.StrType():
            return texts(field.name)
    return PLAIN[type(kind)]


def texts(name: str) -> st.SearchStrategy[str]:
    if name.endswith(("_uuid", "_id", "role", "tier")):
        return IDS
    return TEXTS if name in ("text", "name", "reason") else AMOUNTS


def fields_of(kind: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    told = inspect.type_info(kind)
    assert isinstance(told, inspect.StructType)
    required = {one.name: values(one, one.type) for one in told.fields if one.required}
    optional = {one.name: values(one, one.type) for one in told.fields if not one.required}
    return st.fixed_dictionaries(required, optional=optional)


def wire(kind: Any) -> st.SearchStrategy[dict[str, Any]]:
    return fields_of(kind).map(lambda data: {"type": kind.command_type, "data": data})


COMMANDS = st.sampled_from(sorted(COMMAND_TYPES, key=lambda kind: kind.__name__)).flatmap(wire)


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_each_is_taken_or_refused_and_the_books_balance(
    tmp_path_factory: Any, data: st.DataObject
) -> None:
    commands = data.draw(st.lists(COMMANDS, min_size=40, max_size=120))
    folder: Path = tmp_path_factory.mktemp("any")
    with Ledger.open(folder, env="test") as ledger:
        for one in "ab":
            ledger.send("RegisterCompany", company_uuid=one, name=one)
            ledger.send("OpenAccount", account_uuid=one, company_uuid=one)
            ledger.send("DepositToCompany", company_uuid=one, amount="1000.00")
        for command, outcome in zip(commands, ledger.send_many(commands), strict=True):
            assert isinstance(outcome, CommandAnswer | Rejected | InvalidCommand), (
                command,
                outcome,
            )
        assert ledger.trial_balance().holds
        assert ledger.verify().ok
        assert all(one.alive for one in ledger.status().consumers)
