"""The domain on the runtime: grants that race, late fees over crashes, read models that agree."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ledger_actors.business_dates import LedgerDates
from ledger_actors.daily_cycler import DailyCycler
from ledger_actors.ledger import PROJECTORS
from ledger_actors.ledger.aggregates.account import Account
from ledger_actors.ledger.aggregates.asset import Asset
from ledger_actors.ledger.aggregates.company import Company
from ledger_actors.ledger.aggregates.product import Product
from ledger_actors.ledger.commands.accounts import (
    DepositToAccount,
    OpenAccount,
    RecordBankStatementLine,
)
from ledger_actors.ledger.commands.assets import RegisterAsset, RevalueAsset
from ledger_actors.ledger.commands.companies import WithdrawFromCompany
from ledger_actors.ledger.commands.deals import ActivateDeal, CreateDeal, UpdateDeal
from ledger_actors.ledger.commands.products import MakePayment, PayProduct
from ledger_actors.ledger.commands.system import CycleSystem
from ledger_actors.ledger.deal_parties import Party
from ledger_actors.ledger.events.companies import CompanyCredited, CompanyDebited
from ledger_actors.ledger.events.system import SystemCycled
from ledger_actors.ledger.process_managers.late_fees import LateFeeProcessManager
from ledger_actors.ledger.projectors.funding_accounts import FundingAccounts, funding_account
from ledger_actors.ledger.projectors.memberships import Memberships, membership_of
from ledger_actors.ledger.projectors.outstanding_products import OutstandingProducts
from ledger_actors.ledger.projectors.trial_balance import TrialBalanceProjector, trial_balance
from ledger_actors.ledger.rejections import Refused
from ledger_actors.runtime import Rejection, RetryParked, WaitFor, audit, standing_of_consumer
from ledger_actors.store import Append, StreamWrite
from supervision.testing import HANG, wait_for_exit, wait_until
from tests.ledger_actors.ledger.books import (
    account,
    asset,
    companies,
    company,
    deal,
    grant,
    product,
)
from tests.ledger_actors.ledger.conftest import Running

DUE = date(2026, 1, 31)
NEXT_DAY = date(2026, 2, 2)


def proof(running: Running) -> Any:
    return running.read(TrialBalanceProjector, trial_balance)


def settled(running: Running) -> None:
    """Return when the process manager has dealt with all that is in the store now."""
    head = running.system.store.head()
    running.consumer(LateFeeProcessManager).ask(WaitFor(head), timeout=HANG)


def fees(running: Running) -> Counter[tuple[str, date]]:
    charged = running.events("LateFeeIncurred")
    return Counter((fee.product_uuid, fee.charged_on) for fee in charged)


def test_a_grant_is_one_append_over_all_its_streams(running: Running) -> None:
    running.send(*companies(), *asset(balance="300.00"))
    running.send(*company(balance="200.00"), *account("main"))
    outcome = running.dispatch(grant([("asset", "ship"), ("company", "acme")], ("main", "350")))
    streams = [row.stream for row in outcome.get(timeout=HANG).events]
    assert streams == ["grant-g", "asset-ship", "company-acme", "account-main"]
    assert running.state(Asset, "ship").balance == 0
    assert running.state(Company, "acme").balance == 150
    assert running.state(Account, "main").balance == 350
    assert proof(running).holds


def test_grants_at_once_on_one_source_never_overdraw_it(running: Running) -> None:
    """Eight grants of 10 from a source of 50: five are made, three are refused."""
    running.send(*company(balance="50.00"), *account("main"), *account("second"))

    def one(number: int) -> Any:
        to = "main" if number % 2 else "second"
        return running.dispatch(grant([("company", "acme")], (to, "10.00"), uuid=f"g{number}"))

    futures = [one(number) for number in range(8)]
    answers = [_answer(future) for future in futures]
    assert Counter(answers) == {"made": 5, "insufficient_balance": 3}
    assert running.state(Company, "acme").balance == 0
    assert proof(running).money == 50


SOURCES = ["a", "b", "c"]


def draws(chance: random.Random, prefix: str) -> Iterator[Any]:
    """Twenty grants and withdrawals, of more than there is."""
    for number in range(20):
        amount = str(chance.randrange(1, 40))
        if chance.random() < 0.5:
            yield WithdrawFromCompany(company_uuid=chance.choice(SOURCES), amount=amount)
        else:
            drawn = [("company", one) for one in chance.sample(SOURCES, 2)]
            yield grant(drawn, ("main", amount), uuid=f"{prefix}{number}")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_grants_and_withdrawals_at_once_never_take_a_source_below_zero(
    running: Running, seed: int
) -> None:
    """From four threads, over a journal that is crashed under them; any order that is possible."""
    running.send(*company(), *account("main"))
    running.send(*(order for one in SOURCES for order in company(one, "100.00")))

    def send(name: str) -> None:
        sent = [running.dispatch(one) for one in draws(random.Random(f"{seed}{name}"), name)]
        for future in sent:
            _answer(future)

    threads = [threading.Thread(target=send, args=(name,)) for name in "wxyz"]
    for thread in threads:
        thread.start()
    running.crash_journal()
    for thread in threads:
        thread.join(HANG)
    for one in SOURCES:
        held = Decimal(0)
        for row in running.system.store.read_stream(f"company-{one}"):
            for event in running.system.events.decode(row):
                held = company_after(event, held)
                assert held >= 0, row
        assert running.state(Company, one).balance == held
    assert proof(running).holds


def company_after(event: Any, held: Decimal) -> Decimal:
    if isinstance(event, CompanyCredited):
        return held + event.amount
    return held - event.amount if isinstance(event, CompanyDebited) else held


def _answer(future: Any) -> str:
    try:
        future.get(timeout=HANG)
    except Refused as refused:
        return refused.code
    return "made"


def test_payments_and_fees_on_one_product_from_many_threads_leave_the_books_right(
    running: Running,
) -> None:
    deposit = DepositToAccount(account_uuid="main", amount="1000")
    running.send(*companies(), *asset(), *deal(sender="payer"), *product(due_on=DUE))
    running.send(*company(), *account("main"), deposit)

    def pay(prefix: str) -> None:
        for number in range(5):
            running.send(
                MakePayment(
                    payment_uuid=f"{prefix}-{number}",
                    product_uuid="loan",
                    from_type="account",
                    from_uuid="main",
                    amount="10",
                )
            )

    threads = [threading.Thread(target=pay, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for day in range(1, 6):
        running.send(CycleSystem(new_date=date(2026, 2, day)))
    for thread in threads:
        thread.join(HANG)
    settled(running)
    assert running.state(Product, "loan").outstanding == Decimal("305.00")
    assert running.state(Account, "main").balance == 800
    assert proof(running).holds


def test_a_statement_line_is_recorded_once_under_its_natural_id(running: Running) -> None:
    running.send(*company(), *account("main"))
    line = RecordBankStatementLine(
        account_uuid="main", line_id="7", direction="out", amount="5", booked_on=DUE
    )
    outcomes = [
        running.dispatch(line, command_id=line.natural_command_id).get(timeout=HANG)
        for _ in range(2)
    ]
    assert [outcome.duplicate for outcome in outcomes] == [False, True]
    row = running.read(FundingAccounts, lambda db: funding_account(db, "main"))
    assert row is not None
    assert row.balance == -5


def test_a_membership_is_found_without_the_mailbox(running: Running) -> None:
    parties = (Party(company_uuid="acme", role="member"),)
    running.send(
        *company(),
        CreateDeal(deal_uuid="d", product_line=4, rating_tier="gold", parties=parties),
        ActivateDeal(deal_uuid="d"),
    )
    found = running.read(Memberships, lambda db: membership_of(db, "acme"))
    assert found is not None
    assert (found.rating_tier, found.deal_uuid, found.activated) == ("gold", "d", True)


def late(running: Running, products: int = 3) -> None:
    running.send(*companies(), *asset(), *deal(sender="payer"))
    for number in range(products):
        running.send(*product(f"p{number}", due_on=DUE))


def test_late_fees_are_on_the_products_streams_with_their_cause(running: Running) -> None:
    late(running)
    running.send(RevalueAsset(asset_uuid="ship", value="2000.00"))
    cycled = running.dispatch(CycleSystem(new_date=date(2026, 2, 1))).get(timeout=HANG).events[0]
    running.send(RevalueAsset(asset_uuid="ship", value="9.00"))
    settled(running)
    rows = list(running.system.store.read_all(types=["LateFeeIncurred"]))
    assert [row.stream for row in rows] == ["product-p0", "product-p1", "product-p2"]
    assert {row.causation_id for row in rows} == {str(cycled.id)}
    assert {row.correlation_id for row in rows} == {cycled.correlation_id}
    assert [row.command_index for row in rows] == [0, 1, 2]
    assert running.state(Product, "p1").outstanding == Decimal("502.00")


class Crash(Exception):
    """A crash that a test asked for."""


@pytest.mark.parametrize("victim", [LateFeeProcessManager, OutstandingProducts])
def test_each_product_is_charged_once_for_each_date_whatever_crashes(
    running: Running, victim: Any
) -> None:
    """After every day's cycle one of the two is crashed with the next one in its mailbox."""
    late(running)
    first = date(2026, 2, 1)
    for day in range(6):
        ref = running.consumer(victim)
        running.send(CycleSystem(new_date=first + timedelta(days=day)))
        ref.crash(Crash())
        wait_for_exit(ref)
        wait_until(lambda: running.alive(victim), what="the restart")
    settled(running)
    dates = [first + timedelta(days=day) for day in range(6)]
    assert fees(running) == Counter((f"p{n}", day) for n in range(3) for day in dates)


def test_after_a_restart_of_everything_nothing_is_charged_again(
    start: Callable[[], Running],
) -> None:
    running = start()
    late(running)
    running.send(CycleSystem(new_date=date(2026, 2, 1)))
    settled(running)
    before = running.system.store.head()
    running = start()
    settled(running)
    assert running.system.store.head() == before
    running.send(PayProduct(product_uuid="p0", amount="501.00"))
    running.send(CycleSystem(new_date=date(2026, 2, 2)))
    settled(running)
    assert fees(running) == Counter(
        {
            ("p0", date(2026, 2, 1)): 1,
            ("p1", date(2026, 2, 1)): 1,
            ("p2", date(2026, 2, 1)): 1,
            ("p1", date(2026, 2, 2)): 1,
            ("p2", date(2026, 2, 2)): 1,
        }
    )
    assert proof(running).holds


def test_after_five_days_each_missed_date_is_cycled_once_in_order_with_its_fees(
    running: Running,
) -> None:
    late(running)
    running.clock.set_now(datetime(2026, 2, 1, 20, tzinfo=UTC))
    dates = LedgerDates(running.system, running.bus)
    dates.cycle(date(2026, 2, 1))
    running.clock.advance(timedelta(days=5).total_seconds())
    cycler = DailyCycler.start(dates, timers=running.system.timers, clock=running.clock)
    wait_until(lambda: dates.last_cycled() == date(2026, 2, 6), what="the last date")
    cycler.stop(timeout=HANG)
    with pytest.raises(Refused, match="has been cycled"):
        running.send(CycleSystem(new_date=date(2026, 2, 4)))
    settled(running)
    expected = [date(2026, 2, day) for day in range(1, 7)]
    assert [one.new_date for one in running.events("SystemCycled")] == expected
    assert fees(running) == Counter((f"p{n}", day) for n in range(3) for day in expected)


def test_two_cyclers_on_one_store_cycle_each_missed_date_once_in_order(running: Running) -> None:
    running.clock.set_now(datetime(2026, 2, 1, 20, tzinfo=UTC))
    LedgerDates(running.system, running.bus).cycle(date(2026, 2, 1))
    running.clock.advance(timedelta(days=25).total_seconds())
    cyclers = [
        DailyCycler.start(
            LedgerDates(running.system, running.bus),
            timers=running.system.timers,
            clock=running.clock,
        )
        for _ in range(2)
    ]
    dates = LedgerDates(running.system, running.bus)
    wait_until(lambda: dates.last_cycled() == date(2026, 2, 26), what="the last date")
    for cycler in cyclers:
        assert cycler.is_alive()
        cycler.stop(timeout=HANG)
    expected = [date(2026, 2, day) for day in range(1, 27)]
    assert [one.new_date for one in running.events("SystemCycled")] == expected


def test_a_date_that_another_daemon_has_cycled_meanwhile_is_not_cycled_again(
    running: Running,
) -> None:
    """It has written behind this one's back, so this one's aggregate still believes in the day."""
    running.clock.set_now(datetime(2026, 2, 1, 20, tzinfo=UTC))
    dates = LedgerDates(running.system, running.bus)
    dates.cycle(date(2026, 2, 1))
    theirs = running.system.events.encode(SystemCycled(system_uuid="main", new_date=NEXT_DAY))
    running.system.store.append([Append((StreamWrite("system-main", (theirs,)),))])
    with pytest.raises(Refused, match="has been cycled"):
        dates.cycle(NEXT_DAY)
    assert dates.last_cycled() == NEXT_DAY
    assert len(running.events("SystemCycled")) == 2


NAMED = {
    "company acme": [OpenAccount(account_uuid="a", company_uuid="acme")],
    "company receiver": [
        *companies("sender"),
        RegisterAsset(
            asset_uuid="s",
            sender_company_uuid="sender",
            receiver_company_uuid="receiver",
            value="1",
        ),
    ],
    "company second": [*companies("first"), *deal(first="payer", second="payee")],
    "deal deal": product(due_on=DUE),
}


@pytest.mark.parametrize(("missing", "orders"), NAMED.items(), ids=NAMED)
def test_what_a_command_names_must_be_there(
    running: Running, missing: str, orders: list[Any]
) -> None:
    *before, order = orders
    running.send(*before)
    head = running.system.store.head()
    with pytest.raises(Rejection, match=f"{missing} does not exist") as refused:
        running.send(order)

    assert getattr(refused.value, "code", None) == "does_not_exist"
    assert running.system.store.head() == head


def test_new_terms_of_a_deal_name_companies_that_are_there(running: Running) -> None:
    running.send(*companies("first"), *deal(first="payer"))
    (made,) = deal(nobody="payer")
    with pytest.raises(Rejection, match="company nobody does not exist"):
        running.send(UpdateDeal(**msgspec.structs.asdict(made)))


def test_what_is_named_may_be_on_its_way_in_the_same_pipeline(running: Running) -> None:
    """One after the other without waiting, as an import sends them: each finds those before it."""
    orders = [
        *companies("acme", "sender", "receiver"),
        *asset(balance="10.00"),
        *deal(sender="payer"),
        *product(due_on=DUE),
        *(order for n in range(20) for order in account(f"a{n}")),
        *(DepositToAccount(account_uuid=f"a{n}", amount="1") for n in range(20)),
        grant([("asset", "ship")], ("a0", "4.00")),
    ]
    outcomes = [running.dispatch(order) for order in orders]
    for outcome in outcomes:
        assert outcome.get(timeout=HANG).events
    assert running.state(Account, "a0").balance == 5
    assert proof(running).holds


def test_a_date_whose_products_are_not_all_there_is_charged_when_they_are(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late fees wait for what the read model has parked, date behind date, and are right then."""
    real = OutstandingProducts.project

    def project(db: Any, event: Any) -> None:
        if event.stream == "product-p1":
            raise Crash
        real(db, event)

    with monkeypatch.context() as patch:
        patch.setattr(OutstandingProducts, "project", staticmethod(project))
        late(running)
        for day in (1, 2):
            running.send(CycleSystem(new_date=date(2026, 2, day)))
        wait_until(lambda: running.system.parked.get("late_fees") == 2)
    assert list(running.system.store.read_all(types=["LateFeeIncurred"])) == []

    def retry(kind: Any) -> Any:
        first, *_ = standing_of_consumer(running.system, kind).parked
        return running.consumer(kind).ask(RetryParked(first.event_id), timeout=HANG)

    retry(OutstandingProducts)
    assert retry(LateFeeProcessManager).left == 0
    fees = list(running.system.store.read_all(types=["LateFeeIncurred"]))
    assert [fee.stream[-2:] for fee in fees] == ["p0", "p1", "p2"] * 2
    assert proof(running).holds
    found = audit(running.system, (*PROJECTORS, LateFeeProcessManager))
    assert [one.consumer for one in found if one.findings] == []
