"""Grants: the design's rules one by one, and that no grant overdraws."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.ledger.aggregates.account import Account
from ledger_actors.ledger.aggregates.asset import Asset
from ledger_actors.ledger.aggregates.company import Company
from ledger_actors.ledger.aggregates.transfer import Grant
from ledger_actors.ledger.amounts import total
from ledger_actors.ledger.commands.accounts import CloseAccount, DeactivateAccount, OpenAccount
from ledger_actors.ledger.commands.companies import DepositToCompany, RegisterCompany
from ledger_actors.ledger.events.transfers import BalancesGranted
from ledger_actors.ledger.handlers.grant_balances import reads
from ledger_actors.ledger.rejections import Code, Refused
from tests.ledger_actors.ledger.books import Books, account, asset, books, company, grant

SHIP, ACME = ("asset", "ship"), ("company", "acme")


def ready(ship: str | None = "300.00", acme: str | None = "200.00") -> Books:
    return books(asset(balance=ship), company(balance=acme), account("main"), account("second"))


def balances(ledger: Books) -> list[Decimal]:
    holders = ((Asset, "ship"), (Company, "acme"), (Account, "main"), (Account, "second"))
    return [ledger.state(kind, uuid).balance for kind, uuid in holders]


def refusal(ledger: Books, order: Any) -> tuple[str, str]:
    before = len(ledger.happened)
    with pytest.raises(Refused) as caught:
        ledger.send(order)
    assert len(ledger.happened) == before
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("sources", "amounts", "left"),
    [
        ([SHIP, ACME], ("250.00", "100.00"), ["0", "150", "250", "100"]),
        ([ACME, SHIP], ("250.00", "100.00"), ["150", "0", "250", "100"]),
        ([SHIP, ACME], ("100.00", "50.00"), ["150", "200", "100", "50"]),
        ([SHIP, ACME], ("300.00", "200.00"), ["0", "0", "300", "200"]),
        ([SHIP, ACME], ("0.01", "0.000001"), ["299.989999", "200", "0.01", "0.000001"]),
    ],
)
def test_sources_are_drawn_down_in_the_order_given(
    sources: list[tuple[str, str]], amounts: tuple[str, str], left: list[str]
) -> None:
    ledger = ready()
    ledger.send(grant(sources, ("main", amounts[0]), ("second", amounts[1])))
    assert balances(ledger) == [Decimal(each) for each in left]


def test_the_grant_says_what_was_drawn_and_each_stream_has_its_own_part() -> None:
    ledger = ready()
    (granted, *_) = ledger.send(grant([SHIP, ACME], ("main", "350.00")))
    assert isinstance(granted, BalancesGranted)
    drawn = [(one.from_type, one.from_uuid, str(one.amount)) for one in granted.sources]
    assert drawn == [("asset", "ship", "300.00"), ("company", "acme", "50.00")]
    streams = [one.stream for one in ledger.happened[-4:]]
    assert streams == ["grant-g", "asset-ship", "company-acme", "account-main"]
    assert ledger.state(Grant, "g").exists


def test_a_source_that_is_not_needed_is_read_but_not_drawn() -> None:
    order = grant([SHIP, ACME], ("main", "1.00"))
    assert (Company, "acme") in reads(order)
    ledger = ready()
    ledger.send(order)
    assert [one.stream for one in ledger.happened[-3:]] == ["grant-g", "asset-ship", "account-main"]


def test_an_account_that_is_twice_a_destination_is_read_once_and_gets_both() -> None:
    order = grant([SHIP], ("main", "1.00"), ("main", "2.00"))
    assert len(reads(order)) == 3
    ledger = ready()
    ledger.send(order)
    assert ledger.state(Account, "main").balance == 3


def test_a_grant_is_made_once() -> None:
    ledger = ready()
    ledger.send(grant([SHIP], ("main", "1.00")))
    assert refusal(ledger, grant([SHIP], ("main", "1.00")))[0] == Code.ALREADY_EXISTS


@pytest.mark.parametrize(
    ("order", "code", "named"),
    [
        (grant([("asset", "gone")], ("main", "1")), Code.DOES_NOT_EXIST, "asset gone"),
        (grant([("company", "ship")], ("main", "1")), Code.DOES_NOT_EXIST, "company ship"),
        (grant([SHIP, ACME, SHIP], ("main", "1")), Code.DUPLICATE_SOURCE, "asset ship"),
        (grant([SHIP, ("asset", "empty")], ("main", "1")), Code.INSUFFICIENT_BALANCE, "empty"),
        (grant([SHIP], ("gone", "1")), Code.DOES_NOT_EXIST, "account gone"),
        (grant([SHIP], ("main", "1"), ("theirs", "1")), Code.WRONG_COMPANY, "globex"),
        (grant([SHIP], ("main", "1"), ("idle", "1")), Code.INACTIVE, "idle"),
        (grant([SHIP], ("closed", "1")), Code.CLOSED, "closed"),
        (grant([SHIP], ("main", "300.000001")), Code.INSUFFICIENT_BALANCE, "300.000001"),
        (grant([SHIP, ACME], ("main", "500"), ("main", "1")), Code.INSUFFICIENT_BALANCE, "501"),
    ],
)
def test_a_grant_that_breaks_a_rule_is_refused_whole(order: Any, code: Code, named: str) -> None:
    ledger = ready()
    for other in (*asset("empty"), *account("theirs", "globex"), *account("idle")):
        ledger.send(other)
    ledger.send(DeactivateAccount(account_uuid="idle"))
    ledger.send(OpenAccount(account_uuid="closed", company_uuid="acme"))
    ledger.send(CloseAccount(account_uuid="closed"))
    found, message = refusal(ledger, order)
    assert found == code
    assert named in message


def test_an_asset_and_a_company_of_one_id_are_two_sources() -> None:
    ledger = books(asset("x", balance="1"), company("x", balance="1"), account("main"))
    ledger.send(grant([("asset", "x"), ("company", "x")], ("main", "2")))
    assert ledger.state(Account, "main").balance == 2


cents = st.integers(1, 10_000).map(lambda number: str(Decimal(number) / 100))


@given(held=st.lists(cents, min_size=1, max_size=4), asked=st.lists(cents, min_size=1, max_size=4))
def test_a_grant_never_overdraws_and_makes_no_money(held: list[str], asked: list[str]) -> None:
    ledger = books(*(account(f"to-{at}") for at in range(len(asked))))
    for at, amount in enumerate(held):
        ledger.send(RegisterCompany(company_uuid=f"from-{at}", name="x"))
        ledger.send(DepositToCompany(company_uuid=f"from-{at}", amount=amount))
    order = grant(
        [("company", f"from-{at}") for at in range(len(held))],
        *((f"to-{at}", amount) for at, amount in enumerate(asked)),
    )
    enough = total(map(Decimal, asked)) <= total(map(Decimal, held))
    if enough:
        ledger.send(order)
    else:
        refusal(ledger, order)
    assert ledger.money() == total(map(Decimal, held))
    assert all(state.balance >= 0 for _, _, state in ledger.holders())
    granted = total(ledger.state(Account, f"to-{at}").balance for at in range(len(asked)))
    assert granted == (total(map(Decimal, asked)) if enough else 0)
    if enough:
        drawn = [ledger.state(Company, f"from-{at}").balance for at in range(len(held))]
        untouched = [
            balance == Decimal(amount) for balance, amount in zip(drawn, held, strict=True)
        ]
        emptied = [balance == 0 for balance in drawn]
        first_left = emptied.index(False) if False in emptied else len(held)
        assert all(untouched[first_left + 1 :])
