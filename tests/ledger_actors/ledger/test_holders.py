"""Accounts, companies and assets: their lives, and that commands never overdraw them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest

from ledger_actors.ledger.aggregates.account import Account, AccountStatus
from ledger_actors.ledger.aggregates.asset import Asset, AssetStatus
from ledger_actors.ledger.aggregates.company import Company, CompanyStatus
from ledger_actors.ledger.commands.accounts import (
    ActivateAccount,
    CloseAccount,
    CorrectAccount,
    DeactivateAccount,
    DepositToAccount,
    OpenAccount,
    RecordBankStatementLine,
    WithdrawFromAccount,
)
from ledger_actors.ledger.commands.assets import (
    CorrectAsset,
    DepositToAsset,
    RetireAsset,
    RevalueAsset,
    WithdrawFromAsset,
)
from ledger_actors.ledger.commands.companies import (
    ActivateCompany,
    CorrectCompany,
    DeactivateCompany,
    DepositToCompany,
    RegisterCompany,
    RenameCompany,
    WithdrawFromCompany,
)
from ledger_actors.ledger.rejections import Code, Refused
from ledger_actors.runtime import Rejection
from tests.ledger_actors.ledger.books import Books, account, asset, books, company

Holder = tuple[Any, str, list[Any], Any, Any, Any]
ACCOUNT: Holder = (
    Account,
    "main",
    account("main"),
    lambda amount: DepositToAccount(account_uuid="main", amount=amount),
    lambda amount: WithdrawFromAccount(account_uuid="main", amount=amount),
    lambda way, amount: CorrectAccount(
        account_uuid="main", direction=way, amount=amount, text="a mistake"
    ),
)
COMPANY: Holder = (
    Company,
    "acme",
    company("acme"),
    lambda amount: DepositToCompany(company_uuid="acme", amount=amount),
    lambda amount: WithdrawFromCompany(company_uuid="acme", amount=amount),
    lambda way, amount: CorrectCompany(
        company_uuid="acme", direction=way, amount=amount, text="a mistake"
    ),
)
ASSET: Holder = (
    Asset,
    "ship",
    asset("ship"),
    lambda amount: DepositToAsset(asset_uuid="ship", amount=amount),
    lambda amount: WithdrawFromAsset(asset_uuid="ship", amount=amount),
    lambda way, amount: CorrectAsset(
        asset_uuid="ship", direction=way, amount=amount, text="a mistake"
    ),
)
holders = pytest.mark.parametrize(
    "holder", [ACCOUNT, COMPANY, ASSET], ids=lambda it: it[0].category
)


def refused(code: Code, ledger: Books, order: Any) -> str:
    """Send what must be refused; nothing may have happened."""
    before = len(ledger.happened)
    with pytest.raises(Refused) as caught:
        ledger.send(order)
    assert isinstance(caught.value, Rejection)
    assert (caught.value.code, len(ledger.happened)) == (code, before)
    return caught.value.message


def line(
    amount: str, direction: Literal["in", "out"] = "out", uuid: str = "main"
) -> RecordBankStatementLine:
    return RecordBankStatementLine(
        account_uuid=uuid,
        line_id="1",
        direction=direction,
        amount=amount,
        booked_on=date(1993, 1, 31),
    )


@holders
def test_it_holds_what_was_put_in_less_what_was_taken_out(holder: Holder) -> None:
    kind, uuid, made, deposit, withdraw, correct = holder
    ledger = books(made, [deposit("700.00"), withdraw("0.01"), correct("in", "0.02")])
    ledger.send(correct("out", "0.01"))
    assert ledger.state(kind, uuid).balance == Decimal("700.00")


@holders
def test_a_command_takes_no_more_than_it_holds(holder: Holder) -> None:
    kind, uuid, made, deposit, withdraw, correct = holder
    ledger = books(made, [deposit("10.00")])
    message = refused(Code.INSUFFICIENT_BALANCE, ledger, withdraw("10.01"))
    refused(Code.INSUFFICIENT_BALANCE, ledger, correct("out", "10.01"))
    assert uuid in message
    assert "10.01" in message
    ledger.send(withdraw("10.00"))
    assert ledger.state(kind, uuid).balance == 0


@holders
def test_one_that_was_never_made_takes_nothing(holder: Holder) -> None:
    _, uuid, _, deposit, withdraw, correct = holder
    for order in (deposit("1"), withdraw("1"), correct("in", "1")):
        assert refused(Code.DOES_NOT_EXIST, Books(), order).endswith(f"{uuid} does not exist")


@holders
def test_it_is_made_once(holder: Holder) -> None:
    _, _, made, *_ = holder
    refused(Code.ALREADY_EXISTS, books(made), made[0])


def test_an_inactive_account_takes_nothing_until_it_is_active_again() -> None:
    ledger = books(account(), [DeactivateAccount(account_uuid="main")])
    deposit = DepositToAccount(account_uuid="main", amount="1")
    refused(Code.INACTIVE, ledger, deposit)
    refused(Code.INACTIVE, ledger, WithdrawFromAccount(account_uuid="main", amount="1"))
    refused(Code.UNCHANGED, ledger, DeactivateAccount(account_uuid="main"))
    ledger.send(ActivateAccount(account_uuid="main"))
    refused(Code.UNCHANGED, ledger, ActivateAccount(account_uuid="main"))
    ledger.send(deposit)
    assert ledger.state(Account, "main").balance == 1


def test_a_closed_account_takes_no_commands() -> None:
    ledger = books(account(), [DepositToAccount(account_uuid="main", amount="1")])
    refused(Code.BALANCE_NOT_ZERO, ledger, CloseAccount(account_uuid="main"))
    ledger.send(WithdrawFromAccount(account_uuid="main", amount="1"))
    ledger.send(CloseAccount(account_uuid="main"))
    for order in (
        DepositToAccount(account_uuid="main", amount="1"),
        CorrectAccount(account_uuid="main", direction="in", amount="1", text="?"),
        ActivateAccount(account_uuid="main"),
        CloseAccount(account_uuid="main"),
    ):
        refused(Code.CLOSED, ledger, order)
    refused(Code.ALREADY_EXISTS, ledger, OpenAccount(account_uuid="main", company_uuid="acme"))


def test_a_bank_statement_line_is_a_fact_and_may_overdraw() -> None:
    ledger = books(account(), [line("100.00", "in"), line("150.50")])
    assert ledger.state(Account, "main").balance == Decimal("-50.50")
    refused(
        Code.INSUFFICIENT_BALANCE, ledger, WithdrawFromAccount(account_uuid="main", amount="0.01")
    )
    refused(Code.BALANCE_NOT_ZERO, ledger, CloseAccount(account_uuid="main"))


def test_a_fact_is_recorded_on_an_inactive_and_on_a_closed_account() -> None:
    ledger = books(account(), [DeactivateAccount(account_uuid="main"), line("5")])
    ledger.send(line("5", "in"))
    ledger.send(CloseAccount(account_uuid="main"))
    ledger.send(line("0.01"))
    state = ledger.state(Account, "main")
    assert (state.status, state.balance) == (AccountStatus.CLOSED, Decimal("-0.01"))


def test_a_line_of_an_unknown_account_is_refused() -> None:
    refused(Code.DOES_NOT_EXIST, Books(), line("1"))


def test_a_company_is_renamed_deactivated_and_activated() -> None:
    ledger = books(company(balance="1.00"), [RenameCompany(company_uuid="acme", name="Acme AG")])
    refused(Code.UNCHANGED, ledger, RenameCompany(company_uuid="acme", name="Acme AG"))
    refused(Code.UNCHANGED, ledger, ActivateCompany(company_uuid="acme"))
    ledger.send(DeactivateCompany(company_uuid="acme"))
    refused(Code.INACTIVE, ledger, WithdrawFromCompany(company_uuid="acme", amount="1"))
    refused(Code.INACTIVE, ledger, DepositToCompany(company_uuid="acme", amount="1"))
    refused(Code.UNCHANGED, ledger, DeactivateCompany(company_uuid="acme"))
    ledger.send(ActivateCompany(company_uuid="acme"))
    state = ledger.state(Company, "acme")
    assert (state.name, state.status, state.balance) == ("Acme AG", CompanyStatus.ACTIVE, 1)
    refused(Code.ALREADY_EXISTS, ledger, RegisterCompany(company_uuid="acme", name="Acme"))


def test_an_asset_is_revalued_and_retired() -> None:
    ledger = books(asset(balance="1.00"), [RevalueAsset(asset_uuid="ship", value="900.50")])
    refused(Code.BALANCE_NOT_ZERO, ledger, RetireAsset(asset_uuid="ship"))
    ledger.send(WithdrawFromAsset(asset_uuid="ship", amount="1"))
    ledger.send(RetireAsset(asset_uuid="ship"))
    refused(Code.CLOSED, ledger, RevalueAsset(asset_uuid="ship", value="1"))
    state = ledger.state(Asset, "ship")
    assert (state.status, state.value, state.balance) == (
        AssetStatus.RETIRED,
        Decimal("900.50"),
        0,
    )


@holders
def test_a_command_of_somebody_else_is_a_programming_error(holder: Holder) -> None:
    kind, *_ = holder
    other = (
        CloseAccount(account_uuid="main") if kind is not Account else RetireAsset(asset_uuid="a")
    )
    with pytest.raises(TypeError):
        kind.decide(kind.initial_state, other)
    with pytest.raises(TypeError):
        kind.evolve(kind.initial_state, other)
