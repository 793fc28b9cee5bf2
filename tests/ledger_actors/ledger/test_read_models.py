"""Read models: funding accounts, outstanding products, trial balance."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ledger_actors.ledger.aggregates.account import AccountStatus
from ledger_actors.ledger.commands.accounts import (
    DeactivateAccount,
    DepositToAccount,
    RecordBankStatementLine,
    WithdrawFromAccount,
)
from ledger_actors.ledger.commands.assets import RevalueAsset
from ledger_actors.ledger.commands.products import (
    ChangeProductTerms,
    MakePayment,
    PayProduct,
    WriteOffProduct,
)
from ledger_actors.ledger.projectors.funding_accounts import (
    FundingAccounts,
    funding_account,
    funding_accounts,
)
from ledger_actors.ledger.projectors.outstanding_products import (
    OutstandingProducts,
    outstanding_products,
    overdue_products,
)
from ledger_actors.ledger.projectors.outstanding_products import (
    product as product_row,
)
from ledger_actors.ledger.projectors.trial_balance import (
    TrialBalanceProjector,
    balance,
    trial_balance,
)
from tests.ledger_actors.ledger.books import Books, account, asset, books, company, grant, product

DUE = date(2026, 1, 31)


def statement_line(line_id: str, direction: str, amount: str) -> RecordBankStatementLine:
    return RecordBankStatementLine(
        account_uuid="main",
        line_id=line_id,
        direction=direction,  # type: ignore[arg-type]
        amount=amount,
        booked_on=DUE,
    )


def year() -> Books:
    """A bit of everything that moves money or a claim."""
    return books(
        company(balance="200.00"),
        asset(balance="300.00"),
        account("main"),
        account("second"),
        [
            DepositToAccount(account_uuid="main", amount="10.00"),
            statement_line("1", "out", "25.50"),
            statement_line("2", "in", "0.50"),
            grant([("asset", "ship"), ("company", "acme")], ("main", "350.00"), ("second", "1")),
            WithdrawFromAccount(account_uuid="second", amount="0.25"),
            RevalueAsset(asset_uuid="ship", value="1"),
        ],
        product(due_on=DUE),
        [
            PayProduct(product_uuid="loan", amount="50"),
            MakePayment(
                payment_uuid="p",
                product_uuid="loan",
                from_type="account",
                from_uuid="main",
                amount="100",
            ),
            WriteOffProduct(product_uuid="loan", amount="0.01", text="a cent"),
        ],
    )


def test_a_funding_account_is_as_its_events_leave_it() -> None:
    ledger = year()
    ledger.send(DeactivateAccount(account_uuid="second"))
    db = ledger.projected(FundingAccounts)
    main = funding_account(db, "main")
    assert main is not None
    assert (main.company_uuid, str(main.balance), main.entries) == ("acme", "235.00", 5)
    second = funding_account(db, "second")
    assert second is not None
    assert (second.status, str(second.balance)) == (AccountStatus.INACTIVE, "0.75")
    assert funding_account(db, "gone") is None


def test_funding_accounts_come_in_order_page_by_page() -> None:
    ledger = books(*(account(f"a{n}", "even" if n % 2 == 0 else "odd") for n in range(6)))
    db = ledger.projected(FundingAccounts)
    assert [one.account_uuid for one in funding_accounts(db, company_uuid="odd")] == [
        "a1",
        "a3",
        "a5",
    ]
    page = funding_accounts(db, after="a1", limit=2)
    assert [one.account_uuid for one in page] == ["a2", "a3"]
    assert len(funding_accounts(db)) == 6


def test_a_product_can_be_seen_as_it_was_at_any_event() -> None:
    ledger = books(product(due_on=DUE))
    ledger.send(PayProduct(product_uuid="loan", amount="100"))
    terms = ChangeProductTerms(product_uuid="loan", due_on=DUE, daily_late_fee_rate="0.5")
    ledger.send(terms)
    ledger.send(PayProduct(product_uuid="loan", amount="400"))
    db = ledger.projected(OutstandingProducts)

    seen = [product_row(db, "loan", as_of=event_id) for event_id in range(5)]
    assert seen[0] is None
    owed = [str(one.outstanding) for one in seen[1:] if one]
    assert owed == ["500.00", "400.00", "400.00", "0.00"]
    assert seen[3] is not None
    assert seen[3].daily_late_fee_rate == "0.5"
    assert product_row(db, "loan") == seen[4]
    assert product_row(db, "gone") is None


def test_what_is_outstanding_does_not_depend_on_how_far_the_read_model_has_come() -> None:
    ledger = books(product("one", due_on=DUE), product("two", due_on=DUE))
    ledger.send(PayProduct(product_uuid="one", amount="500"))
    cycled_at = len(ledger.happened)
    before = ledger.projected(OutstandingProducts)
    ledger.send(PayProduct(product_uuid="two", amount="500"))
    ledger.send(product("three", due_on=DUE)[0])
    ahead = ledger.projected(OutstandingProducts)

    assert [one.product_uuid for one in outstanding_products(ahead)] == ["three"]
    assert [one.product_uuid for one in outstanding_products(ahead, as_of=cycled_at)] == ["two"]
    day = date(2026, 2, 1)
    assert overdue_products(ahead, day, as_of=cycled_at) == overdue_products(
        before, day, as_of=cycled_at
    )


@pytest.mark.parametrize(
    ("on", "expected"),
    [(date(2026, 1, 31), []), (date(2026, 2, 1), ["early"]), (date(2026, 3, 2), ["early", "late"])],
)
def test_overdue_is_what_was_due_before_the_date(on: date, expected: list[str]) -> None:
    ledger = books(product("early", due_on=DUE), product("late", due_on=date(2026, 3, 1)))
    db = ledger.projected(OutstandingProducts)
    assert [one.product_uuid for one in overdue_products(db, on)] == expected


def test_the_trial_balance_agrees_with_what_everybody_holds() -> None:
    ledger = year()
    db = ledger.projected(TrialBalanceProjector)
    proof = trial_balance(db)
    assert proof.holds
    assert (proof.total, proof.in_transit) == (0, 0)
    assert proof.money == ledger.money() == Decimal("384.75")
    assert proof.came_in - proof.went_out == proof.money == -proof.external
    assert proof.claims == Decimal("349.99")
    assert balance(db, "account:main") == Decimal("235.00")
    assert balance(db, "product:loan") == proof.claims


def test_the_trial_balance_says_why_money_came_in_and_went_out() -> None:
    flows = trial_balance(year().projected(TrialBalanceProjector)).flows
    assert {(one.reason, str(one.came_in), str(one.went_out)) for one in flows} == {
        ("deposit", "510.00", "0"),
        ("statement_line", "0.50", "25.50"),
        ("withdrawal", "0", "0.25"),
        ("payment", "0", "100"),
    }


def test_half_a_grant_is_seen_in_transit() -> None:
    """If ever a grant's debit were there without its credits, the trial balance would not hold."""
    ledger = year()
    at = next(n for n, one in enumerate(ledger.happened) if one.stream.startswith("grant-"))
    proof = trial_balance(ledger.projected(TrialBalanceProjector, up_to=at + 2))
    assert not proof.holds
    assert proof.in_transit == 300
    assert proof.total == 0


def test_money_out_of_nowhere_is_found() -> None:
    """A row that somebody changed by hand makes the trial balance fail."""
    db = year().projected(TrialBalanceProjector)
    db.execute("UPDATE balances SET amount = '1000000.00' WHERE balance = 'account:main'")
    assert not trial_balance(db).holds


def test_an_empty_ledger_holds() -> None:
    proof = trial_balance(Books().projected(TrialBalanceProjector))
    assert (proof.holds, proof.money, proof.kinds) == (True, 0, ())
