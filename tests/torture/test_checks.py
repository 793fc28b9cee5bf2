"""Each check finds what it is for: a violation is planted in a history that is in order."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.torture import checks, fees, files, money
from tests.torture.conftest import History
from tests.torture.evidence import Ack, Event, Evidence, Intent

Plant = Callable[[Evidence], Evidence]


def test_a_history_in_order_has_nothing_wrong(history: History) -> None:
    assert len(history.evidence.events) > 60
    assert len(history.evidence.acks) > 40
    assert any(len(acks) > 1 for acks in history.evidence.acks.values())
    assert sum(event.type == "LateFeeIncurred" for event in history.evidence.events) > 10
    assert checks.wrong(history.evidence, checks.AT_THE_END) == []
    assert list(files.chain_is_clean(history.folder)) == []
    assert list(files.read_models_are_as_a_replay(history.folder)) == []


# -- changes ---------------------------------------------------------------------------------------


def events(change: Callable[[list[Event]], Sequence[Event]]) -> Plant:
    """Plant what `change` makes of the log."""
    return lambda evidence: replace(evidence, events=list(change(list(evidence.events))))


def without(kind: str, number: int = -1) -> Plant:
    """Plant a log that lacks an event of a type, and is numbered anew."""

    def change(log: list[Event]) -> Sequence[Event]:
        log.remove([event for event in log if event.type == kind][number])
        return numbered(log)

    return events(change)


def numbered(log: Sequence[Event]) -> list[Event]:
    """The same events with ids and versions that are in order: other checks have to find it."""
    versions: dict[str, int] = {}
    anew: list[Event] = []
    for number, event in enumerate(log, start=1):
        versions[event.stream] = versions.get(event.stream, 0) + 1
        anew.append(event._replace(id=number, version=versions[event.stream]))
    return anew


def with_data(kind: str, number: int = -1, **data: Any) -> Plant:
    """Plant a log in which an event of a type has other data."""

    def change(log: list[Event]) -> Sequence[Event]:
        event = [event for event in log if event.type == kind][number]
        changed = event._replace(payload=json.dumps({**event.data, **data}))
        log[log.index(event)] = changed
        return log

    return events(change)


def doubled(kind: str) -> Plant:
    """Plant a log at whose end an event of a type is once more."""

    def change(log: list[Event]) -> Sequence[Event]:
        return numbered([*log, next(event for event in log if event.type == kind)])

    return events(change)


def acks(command_id: str, change: Callable[[Ack], Sequence[Ack]]) -> Plant:
    """Plant other acknowledgements of one command."""

    def plant(evidence: Evidence) -> Evidence:
        (first, *_) = evidence.acks[command_id]
        return replace(evidence, acks={**evidence.acks, command_id: change(first)})

    return plant


def other(ack: Ack, **fields: Any) -> Ack:
    """An acknowledgement whose first event has other fields."""
    (event, *rest) = ack.events
    return msgspec.structs.replace(ack, events=(event._replace(**fields), *rest))


def swapped(log: list[Event]) -> Sequence[Event]:
    """Two events next to each other on one stream, each in the place of the other."""
    at = next(n for n, event in enumerate(log) if event.stream == log[n + 1].stream)
    log[at], log[at + 1] = log[at + 1]._replace(id=at + 1), log[at]._replace(id=at + 2)
    return log


def asked(intent: Intent) -> Plant:
    return lambda evidence: replace(evidence, intents={**evidence.intents, intent.id: intent})


GRANT = "one:GrantBalances"
PLANTED: list[tuple[checks.Check, str, Plant]] = [
    (
        checks.acknowledged_commands_are_there_once,
        "is not in the log",
        without("AccountOpened"),
    ),
    (
        checks.acknowledged_commands_are_there_once,
        "the log has",
        doubled("AccountOpened"),
    ),
    (
        checks.acknowledged_commands_are_there_once,
        "the log has",
        events(lambda log: [e._replace(payload=e.payload + " ") for e in log]),
    ),
    (
        checks.acknowledged_commands_are_there_once,
        "the log has",
        acks(GRANT, lambda ack: [other(ack, id=ack.events[0].id + 1)]),
    ),
    (
        checks.acknowledged_commands_are_there_once,
        "the log has",
        acks(GRANT, lambda ack: [other(ack, recorded_at="2026-01-01T00:00:00.000000+00:00")]),
    ),
    (
        checks.repeats_are_answered_as_at_first,
        "was done again",
        acks(GRANT, lambda ack: [ack, ack]),
    ),
    (
        checks.repeats_are_answered_as_at_first,
        "was answered with",
        acks(GRANT, lambda ack: [ack, Ack(ack.id, True, ack.events[:-1])]),
    ),
    (checks.nothing_is_half_there, "and should have", without("BalancesGranted")),
    (checks.nothing_is_half_there, "not numbered from 0", without("CompanyDebited")),
    (checks.nothing_is_half_there, "and should have", without("ProductPaid")),
    (checks.nothing_is_half_there, "not next to each other", doubled("PaymentMade")),
    (
        checks.nothing_is_half_there,
        "nobody sent",
        events(lambda log: [*log, log[0]._replace(id=len(log) + 1, command_id="mine")]),
    ),
    (
        checks.refused_commands_left_nothing,
        "was refused, and is in the log",
        lambda evidence: replace(evidence, refused=frozenset([GRANT])),
    ),
    (
        checks.everything_was_answered,
        "never answered",
        asked(Intent("lost", "DepositToAccount", {"account_uuid": "a-0", "amount": "1.00"})),
    ),
    (checks.ids_have_no_gap, "is missing", events(lambda log: log[:7] + log[8:])),
    (checks.ids_have_no_gap, "there twice", events(lambda log: [*log[:8], *log[7:]])),
    (checks.versions_have_no_gap, "not 3", events(lambda log: [*log[:2], log[1], *log[2:]])),
    (checks.versions_have_no_gap, "is version 2", events(swapped)),
    (money.nothing_is_overdrawn, "at -", with_data("AssetDebited", amount="99999.00")),
    (money.is_neither_made_nor_lost, "all balances", with_data("AccountCredited", 0, amount="1")),
    (money.is_neither_made_nor_lost, "all balances", without("AccountDebited")),
    (
        money.is_neither_made_nor_lost,
        "and gave 800.01",
        with_data("AccountCredited", amount="400.01"),
    ),
    (fees.dates_have_no_gap, "after", without("SystemCycled", 1)),
    (fees.dates_have_no_gap, "after", doubled("SystemCycled")),
    (
        fees.dates_are_taken,
        "is the next date",
        lambda evidence: replace(evidence, refused=frozenset(["day:2026-03-03"])),
    ),
    (fees.are_charged_once, "2 times", doubled("LateFeeIncurred")),
    (fees.are_charged_once, "was not charged", without("LateFeeIncurred")),
    (fees.are_charged_once, "is not due", with_data("LateFeeIncurred", amount="3.51")),
    (fees.are_charged_once, "is not due", with_data("LateFeeIncurred", product_uuid="p-7")),
    (fees.are_charged_once, "is not due", with_data("AssetRevalued", value="1.00")),
]


@pytest.mark.parametrize(
    ("check", "words", "plant"),
    PLANTED,
    ids=[f"{n}-{p[0].__name__}" for n, p in enumerate(PLANTED)],
)
def test_a_planted_violation_is_found(
    history: History, check: checks.Check, words: str, plant: Plant
) -> None:
    found = list(check(plant(history.evidence)))

    assert any(words in sentence for sentence in found), found


def test_every_check_has_a_planted_violation() -> None:
    assert {check for check, *_ in PLANTED} == set(checks.AT_THE_END)


def test_a_state_that_its_events_do_not_add_up_to_is_found(history: History) -> None:
    held = money.balances(list(history.evidence.events))
    assert list(money.states_are_as_the_events(history.evidence, held)) == []

    states = {**held, "account:a-0": held["account:a-0"] + Decimal("0.01"), "asset:s-1": None}

    assert len(list(money.states_are_as_the_events(history.evidence, states))) == 2


# -- files -----------------------------------------------------------------------------------------


@pytest.fixture
def copy(history: History, tmp_path: Path) -> Path:
    """The history's folder, to be tampered with."""
    return Path(shutil.copytree(history.folder, tmp_path / "copy"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET payload = payload || ' ' WHERE id = 7",
        "DELETE FROM events WHERE id = 7",
        "UPDATE commands SET event_count = 2 WHERE first_event_id = 7",
    ],
)
def test_a_row_that_was_changed_breaks_the_chain(copy: Path, statement: str) -> None:
    _execute(copy / "events.db", statement)

    assert list(files.chain_is_clean(copy))


@pytest.mark.parametrize(
    ("model", "statement"),
    [
        (
            "funding_accounts",
            "UPDATE funding_accounts SET balance = '1' WHERE account_uuid = 'a-0'",
        ),
        ("funding_accounts", "DELETE FROM funding_accounts WHERE account_uuid = 'a-3'"),
        ("trial_balance", "UPDATE balances SET amount = '0' WHERE balance = 'external'"),
        ("trial_balance", "INSERT INTO flows VALUES ('grant', '0', '0')"),
        (
            "outstanding_products",
            "UPDATE products SET outstanding = '0' WHERE product_uuid = 'p-1'",
        ),
        ("membership", "INSERT INTO memberships VALUES ('c-9', 'A', 'd', 1)"),
        ("membership", "DROP TABLE memberships"),
    ],
)
def test_a_row_that_no_replay_makes_is_found(copy: Path, model: str, statement: str) -> None:
    _execute(copy / "read-models" / f"{model}-v1.db", statement)

    found = list(files.read_models_are_as_a_replay(copy))

    assert found
    assert all(model in sentence for sentence in found)


def _execute(file: Path, statement: str) -> None:
    connection = sqlite3.connect(file)
    assert connection.execute(statement).rowcount != 0
    connection.commit()
    connection.close()
