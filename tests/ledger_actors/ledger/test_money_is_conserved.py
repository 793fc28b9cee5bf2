"""Money is neither made nor lost, over random sequences of commands."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_actors.ledger.amounts import total
from ledger_actors.ledger.commands import accounts, assets, companies, products
from ledger_actors.ledger.commands.grants import GrantBalances, GrantDestination, GrantSource
from ledger_actors.ledger.entries import EXTERNAL, postings_of
from ledger_actors.ledger.projectors.funding_accounts import FundingAccounts, funding_accounts
from ledger_actors.ledger.projectors.trial_balance import (
    TrialBalanceProjector,
    balance,
    trial_balance,
)
from ledger_actors.ledger.rejections import Refused
from tests.ledger_actors.ledger.books import Books, account, asset, books, company, product

DAY = date(2026, 1, 31)
amounts = st.one_of(
    st.integers(1, 100_000).map(lambda cents: str(Decimal(cents) / 100)),
    st.decimals("0.000001", "99999999999999999999", places=6).map(lambda each: format(each, "f")),
)
uuids = st.sampled_from(["a", "b"])
ways = st.sampled_from(["in", "out"])
texts = st.just("")
sources = st.builds(GrantSource, from_type=st.sampled_from(["asset", "company"]), from_uuid=uuids)
destinations = st.builds(
    GrantDestination, to_company_account_uuid=uuids, to_company_uuid=st.just("a"), amount=amounts
)

orders = st.one_of(
    st.builds(accounts.DepositToAccount, account_uuid=uuids, amount=amounts),
    st.builds(accounts.WithdrawFromAccount, account_uuid=uuids, amount=amounts),
    st.builds(
        accounts.CorrectAccount, account_uuid=uuids, direction=ways, amount=amounts, text=texts
    ),
    st.builds(
        accounts.RecordBankStatementLine,
        account_uuid=uuids,
        line_id=st.just("1"),
        direction=ways,
        amount=amounts,
        booked_on=st.just(DAY),
    ),
    st.builds(accounts.DeactivateAccount, account_uuid=uuids),
    st.builds(accounts.ActivateAccount, account_uuid=uuids),
    st.builds(accounts.CloseAccount, account_uuid=uuids),
    st.builds(companies.DepositToCompany, company_uuid=uuids, amount=amounts),
    st.builds(companies.WithdrawFromCompany, company_uuid=uuids, amount=amounts),
    st.builds(
        companies.CorrectCompany, company_uuid=uuids, direction=ways, amount=amounts, text=texts
    ),
    st.builds(assets.DepositToAsset, asset_uuid=uuids, amount=amounts),
    st.builds(assets.WithdrawFromAsset, asset_uuid=uuids, amount=amounts),
    st.builds(assets.CorrectAsset, asset_uuid=uuids, direction=ways, amount=amounts, text=texts),
    st.builds(assets.RevalueAsset, asset_uuid=uuids, value=amounts),
    st.builds(assets.RetireAsset, asset_uuid=uuids),
    st.builds(products.PayProduct, product_uuid=uuids, amount=amounts),
    st.builds(products.WriteOffProduct, product_uuid=uuids, amount=amounts, text=texts),
    st.builds(
        products.MakePayment,
        payment_uuid=st.uuids().map(str),
        product_uuid=uuids,
        from_type=st.sampled_from(["account", "company"]),
        from_uuid=uuids,
        amount=amounts,
    ),
    st.builds(
        GrantBalances,
        grant_uuid=st.uuids().map(str),
        sources=st.lists(sources, min_size=1, max_size=3).map(tuple),
        destinations=st.lists(destinations, min_size=1, max_size=3).map(tuple),
    ),
)


def opened() -> Books:
    return books(
        *(company(uuid, "50.00") for uuid in "ab"),
        *(asset(uuid, "50.00") for uuid in "ab"),
        *(account(uuid, "a") for uuid in "ab"),
        *(product(uuid, due_on=DAY) for uuid in "ab"),
    )


def send_what_is_allowed(ledger: Books, some: list[Any]) -> None:
    for order in some:
        before = len(ledger.happened)
        try:
            ledger.send(order)
        except Refused:
            assert len(ledger.happened) == before


def came_in(ledger: Books) -> Decimal:
    """What came from the world outside less what went there, from the postings themselves."""
    postings = (posting for one in ledger.happened for posting in postings_of(one.event))
    return -total(posting.amount for posting in postings if posting.balance == EXTERNAL)


@given(st.lists(orders, max_size=30))
@settings(deadline=None)
def test_what_everybody_holds_changes_only_by_what_came_in_and_went_out(some: list[Any]) -> None:
    ledger = opened()
    send_what_is_allowed(ledger, some)
    assert ledger.money() == came_in(ledger)


@given(st.lists(orders, max_size=30))
@settings(deadline=None)
def test_only_facts_take_a_balance_below_zero(some: list[Any]) -> None:
    ledger = opened()
    for order in some:
        before = {(kind, uuid): state.balance for kind, uuid, state in ledger.holders()}
        send_what_is_allowed(ledger, [order])
        if not isinstance(order, accounts.RecordBankStatementLine):
            for kind, uuid, state in ledger.holders():
                assert state.balance >= min(before[kind, uuid], 0)


@given(st.data(), st.lists(orders, max_size=30))
@settings(deadline=None, max_examples=40)
def test_how_events_are_cut_into_batches_changes_no_read_model(
    data: st.DataObject, some: list[Any]
) -> None:
    ledger = opened()
    send_what_is_allowed(ledger, some)
    count = len(ledger.happened)
    cuts = data.draw(st.sets(st.integers(0, count)))
    for projector, tables in (
        (FundingAccounts, ["funding_accounts"]),
        (TrialBalanceProjector, ["balances", "flows"]),
    ):
        in_batches = ledger.projected(projector, cuts=cuts)
        one_by_one = ledger.projected(projector, cuts=range(1, count))
        for table in tables:
            assert rows_of(in_batches, table) == rows_of(one_by_one, table)


def rows_of(db: Any, table: str) -> set[tuple[Any, ...]]:
    return set(db.execute(f"SELECT * FROM {table}").fetchall())


@given(st.lists(orders, max_size=30))
@settings(deadline=None, max_examples=40)
def test_the_read_models_agree_with_the_aggregates_and_the_trial_balance_holds(
    some: list[Any],
) -> None:
    ledger = opened()
    send_what_is_allowed(ledger, some)
    db = ledger.projected(TrialBalanceProjector)
    proof = trial_balance(db)
    assert proof.holds
    assert proof.money == ledger.money()
    for kind, uuid, state in ledger.holders():
        assert balance(db, f"{kind.category}:{uuid}") == state.balance
    rows = funding_accounts(ledger.projected(FundingAccounts))
    held = {
        uuid: state.balance for kind, uuid, state in ledger.holders() if kind.category == "account"
    }
    assert {row.account_uuid: row.balance for row in rows} == held
