"""What is learnt in process works with a daemon: both sides of `Ledger` are called alike."""

from __future__ import annotations

import inspect

import pytest

from ledger_actors import Ledger, connect
from ledger_actors.daemon.client import HttpConnection
from ledger_actors.daemon.connection import Connection
from ledger_actors.daemon.local import LocalConnection

CALLS = [name for name in vars(Connection) if not name.startswith("_")]


@pytest.mark.parametrize("side", [LocalConnection, HttpConnection])
@pytest.mark.parametrize("name", CALLS)
def test_both_sides_take_the_same_arguments(side: type, name: str) -> None:
    asked, kept = getattr(Connection, name), getattr(side, name)
    if isinstance(asked, property):
        assert isinstance(kept, property)
        return
    parameters = [tuple(inspect.signature(one).parameters.values()) for one in (asked, kept)]
    assert [(p.name, p.kind, p.default) for p in parameters[0]] == [
        (p.name, p.kind, p.default) for p in parameters[1]
    ]


def test_both_ways_give_the_same_class() -> None:
    assert inspect.signature(connect).return_annotation == "Ledger"
    assert inspect.signature(Ledger.open).return_annotation == "Ledger"


@pytest.mark.parametrize("name", [n for n, m in vars(Ledger).items() if inspect.isfunction(m)])
def test_every_method_of_a_ledger_has_help(name: str) -> None:
    if not name.startswith("_"):
        assert inspect.getdoc(getattr(Ledger, name))
