"""`Ledger`, the same in process and through a daemon: each test runs both ways."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ledger_actors import Ledger, connect
from ledger_actors.daemon import errors
from ledger_actors.daemon.protocol import CommandAnswer
from ledger_actors.demos.daemon_process import DaemonProcess
from ledger_actors.ledger.commands.accounts import DepositToAccount, OpenAccount
from ledger_actors.ledger.commands.companies import RegisterCompany

HANG = 20.0


@pytest.fixture(scope="module", params=["in process", "daemon"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Ledger]:
    folder: Path = tmp_path_factory.mktemp("ledger") / "data"
    if request.param == "in process":
        with Ledger.open(folder, env="test", cycler={"enabled": True}) as opened:
            yield opened
        return
    told = {"LEDGER_ENV": "test", "LEDGER_CYCLER_ENABLED": "true"}
    with DaemonProcess(folder, **told), connect(folder) as connected:
        yield connected


@pytest.fixture
def account(ledger: Ledger) -> str:
    """A funding account of its own for each test, with 100.00 on it."""
    name = f"a-{uuid.uuid4()}"
    ledger.send(RegisterCompany(company_uuid="c-1", name="Acme"), command_id="c-1")
    ledger.send(OpenAccount(account_uuid=name, company_uuid="c-1"))
    ledger.send(DepositToAccount(account_uuid=name, amount="100.00"))
    return name


def test_a_command_by_its_name_gives_its_events(ledger: Ledger, account: str) -> None:
    events = ledger.send("WithdrawFromAccount", account_uuid=account, amount="30.00", author="ann")
    assert [(e.type, e.stream, e.version) for e in events] == [
        ("AccountDebited", f"account-{account}", 3)
    ]
    assert (events[0].data["amount"], events[0].author) == ("30.00", "ann")
    assert ledger.state("account", account).balance == "70.00"


def test_a_rejection_says_why(ledger: Ledger, account: str) -> None:
    with pytest.raises(errors.Rejected, match=r"100\.01 cannot be taken") as caught:
        ledger.send("WithdrawFromAccount", account_uuid=account, amount="100.01")
    assert caught.value.code == "insufficient_balance"
    assert ledger.state("account", account).balance == "100.00"


AMOUNT = "an amount above zero, as a string: '12.50'"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, f"missing required field `amount`; amount is {AMOUNT}"),
        ({"amount": "1", "colour": "red"}, "unknown field `colour`; it has account_uuid, amount"),
        ({"amonut": "1"}, "unknown field `amonut`; did you mean `amount`?"),
        ({"amount": 1.5}, f"amount is {AMOUNT}"),
        ({"amount": 1e400}, "NaN and Infinity are no JSON"),
        ({"amount": float("nan")}, "NaN and Infinity are no JSON"),
        ({"amount": [float("inf")]}, "NaN and Infinity are no JSON"),
        ({"amount": None}, f"amount is {AMOUNT}"),
        ({"amount": [[[1]]]}, f"amount is {AMOUNT}"),
        ({"amount": "NaN"}, "amount: expected plain digits"),
        ({"amount": "Infinity"}, "amount: expected plain digits"),
        ({"amount": "-5"}, "amount: expected plain digits"),
        ({"amount": "0"}, "amount: expected an amount above zero; got '0'"),
        ({"amount": "1e9999"}, "amount: expected plain digits"),
        ({"amount": "9" * 40}, "amount: expected at most 20 digits before the point; got 40"),
        ({"amount": "1", "text": "x" * 2_001}, "text: expected 0 to 2000 characters; got 2001"),
    ],
)
def test_bad_fields_are_named_with_what_is_right(
    ledger: Ledger, account: str, fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(errors.InvalidCommand) as caught:
        ledger.send("DepositToAccount", account_uuid=account, **fields)
    assert says in str(caught.value)
    assert caught.value.code == "invalid_command"
    assert ledger.state("account", account).balance == "100.00"


@pytest.mark.parametrize(
    ("wire", "says"),
    [
        ({"type": "OpenAccount", "dta": {}}, "has no 'dta'; it may have type, data, command_id"),
        ({"data": {}}, "has a 'type'"),
        ({"type": 5}, "Expected `str`, got `int`"),
        ({"type": "OpenAccount", "data": []}, "Expected `object`, got `array`"),
        ({"type": "OpenAccount", "command_id": ""}, "length >= 1"),
        (["OpenAccount"], "a command is its name with fields, a command struct, or a dict"),
        (("OpenAccount", {}), 'such as {"type": "OpenAccount", "data": {"account_uuid": '),
    ],
)
def test_what_is_no_command_is_told_what_one_is(ledger: Ledger, wire: Any, says: str) -> None:
    with pytest.raises(errors.InvalidCommand) as caught:
        ledger.send(wire)
    assert says in str(caught.value)


def test_an_unknown_command_is_named_with_what_is_near(ledger: Ledger) -> None:
    with pytest.raises(errors.UnknownCommand, match="OpenAcount"):
        ledger.send("OpenAcount", account_uuid="x")
    with pytest.raises(errors.UnknownCommand, match="OpenAccount"):
        ledger.help("OpenAcount")


def test_ten_megabytes_are_refused(ledger: Ledger, account: str) -> None:
    with pytest.raises(errors.TooLarge):
        ledger.send("DepositToAccount", account_uuid=account, amount="1.00", text="x" * 10_000_000)


def test_the_same_command_id_gives_the_first_answer(ledger: Ledger, account: str) -> None:
    deposit = {"account_uuid": account, "amount": "1.00"}
    key = str(uuid.uuid4())
    first = ledger.send("DepositToAccount", command_id=key, **deposit)
    again = ledger.send("DepositToAccount", command_id=key, **deposit)
    assert (list(again), again.duplicate) == (list(first), True)
    with pytest.raises(errors.CommandIdTaken):
        ledger.send("DepositToAccount", command_id=key, account_uuid=account, amount="2.00")


def test_many_commands_in_a_pipeline(ledger: Ledger, account: str) -> None:
    deposit = {"account_uuid": account, "amount": "1.00"}
    wires = [{"type": "DepositToAccount", "data": deposit}] * 300
    wires[7] = {"type": "DepositToAccount", "data": {**deposit, "amount": "-1"}}
    outcomes = list(ledger.send_many(wires, window=64))
    assert [n for n, one in enumerate(outcomes) if not isinstance(one, CommandAnswer)] == [7]
    assert ledger.state("account", account).balance == "399.00"
    assert Decimal(ledger.balance(account).balance) == 399


def test_state_as_of_an_event(ledger: Ledger, account: str) -> None:
    then = ledger.send("DepositToAccount", account_uuid=account, amount="1.00")[0].id
    ledger.send("DepositToAccount", account_uuid=account, amount="1.00")
    assert ledger.state("account", account, as_of=then).balance == "101.00"
    assert ledger.actor("account", account).state(as_of=then).balance == "101.00"
    with pytest.raises(errors.EventIdAhead):
        ledger.state("account", account, as_of=10**9)
    with pytest.raises(errors.EventIdAhead, match="there is no event 1000000"):
        ledger.state("account", account, as_of=10**30)


def test_the_state_of_an_empty_id_is_refused_at_once(ledger: Ledger) -> None:
    for as_of in (None, 1):
        with pytest.raises(errors.BadRequest, match="non-empty string, not ''"):
            ledger.state("account", "", as_of=as_of)


def test_what_does_not_exist_is_said(ledger: Ledger, account: str) -> None:
    with pytest.raises(errors.StreamMissing):
        ledger.state("account", "nobody")
    with pytest.raises(errors.NotFound, match="vessel"):
        ledger.state("vessel", "x")
    with pytest.raises(errors.NotFound):
        ledger.balance("nobody")
    with pytest.raises(errors.ActorMissing):
        ledger.actor("nobody").tell("hello")


def test_read_models_answer_with_ones_own_writes(ledger: Ledger, account: str) -> None:
    company, deal = f"c-{account}", f"d-{account}"
    ledger.send("RegisterCompany", company_uuid=company, name="Acme")
    ledger.send(
        "CreateDeal",
        deal_uuid=deal,
        product_line=4,
        rating_tier="gold",
        parties=[{"company_uuid": company, "role": "member"}],
    )
    assert ledger.membership(company).rating_tier == "gold"
    assert company in {row.company_uuid for row in ledger.memberships()}
    ledger.send(
        "OpenProduct",
        product_uuid=f"p-{account}",
        deal_uuid=deal,
        paying_role="member",
        amount="10.00",
        due_on="2026-03-02",
        daily_late_fee_rate="0.001",
    )
    assert f"p-{account}" in {row.product_uuid for row in ledger.products()}
    assert account in {row.account_uuid for row in ledger.balances()}
    assert ledger.trial_balance().holds is True


def test_events_by_type_stream_and_position(ledger: Ledger, account: str) -> None:
    stream = f"account-{account}"
    assert [e.version for e in ledger.events(stream=stream)] == [1, 2]
    assert [e.version for e in ledger.events(stream=stream, types="*Credited")] == [2]
    assert [e.version for e in ledger.events(stream=f"{stream[:-3]}*", limit=1)] == [1]
    last = ledger.status().head
    assert list(ledger.events(after=last)) == []
    with pytest.raises(errors.EventIdAhead):
        list(ledger.events(after=last + 10**6))


def test_events_are_followed_as_they_happen(ledger: Ledger, account: str) -> None:
    stream = f"account-{account}"
    seen: list[int] = []
    following = ledger.events(stream=stream, follow=True)

    def follow() -> None:
        seen.extend(event.version for event in islice(following, 4))
        following.close()  # type: ignore[attr-defined] # an iterator that is a generator

    watching = threading.Thread(target=follow)
    watching.start()
    for _ in range(2):
        ledger.send("DepositToAccount", account_uuid=account, amount="1.00")
    watching.join(HANG)
    assert seen == [1, 2, 3, 4]


def test_following_ends_with_its_limit(ledger: Ledger, account: str) -> None:
    assert len(list(ledger.events(limit=2, follow=True))) == 2
    up_to = ledger.status().head
    assert list(ledger.events(up_to=up_to, follow=True))[-1].id == up_to


def test_an_actor_that_crashes_comes_back_hydrated(ledger: Ledger, account: str) -> None:
    actor = ledger.actor("account", account)
    assert actor.info().status == "running"
    actor.crash("to see it come back")
    assert actor.state().balance == "100.00"
    actor.kill()
    ledger.send("DepositToAccount", account_uuid=account, amount="1.00")
    assert actor.state().balance == "101.00"


def test_an_actor_is_found_by_its_name_as_the_tree_and_the_logs_have_it(
    ledger: Ledger, account: str
) -> None:
    assert ledger.actor(f"account/{account}").state().balance == "100.00"
    assert ledger.actor("consumer/membership").info().address == "membership"
    assert ledger.actor("application").info().address == "application"
    for line in ("address      membership", "actor_class  Memberships", "status       running"):
        assert line in repr(ledger.actor("membership").info())


def test_an_actor_is_told_and_asked_commands(ledger: Ledger, account: str) -> None:
    actor = ledger.actor("account", account)
    (credited,) = actor.ask(DepositToAccount(account_uuid=account, amount="1.00"))
    assert (credited.type, credited.data["amount"]) == ("AccountCredited", "1.00")
    actor.tell({"type": "DepositToAccount", "data": {"account_uuid": account, "amount": "1.00"}})
    assert actor.state().balance == "102.00"
    withdraw = {"account_uuid": account, "amount": "999"}
    with pytest.raises(errors.Rejected):
        actor.ask({"type": "WithdrawFromAccount", "data": withdraw})
    with pytest.raises(errors.BadRequest, match="another"):
        actor.ask({"type": "DepositToAccount", "data": {"account_uuid": "b", "amount": "1.00"}})


def test_a_singleton_ignores_what_is_no_event(ledger: Ledger) -> None:
    membership = ledger.actor("membership")
    membership.tell("hello")
    assert membership.info().status == "running"


def test_the_tree_has_every_part(ledger: Ledger, account: str) -> None:
    tree = ledger.tree()
    assert [node.id for node in tree.root.children] == [
        "registries",
        "timers",
        "journal",
        "aggregates",
        "projectors",
        "process_managers",
        "daily_cycler",
        "endpoint",
    ]
    assert "── account/" in tree.text


def test_status_tells_health(ledger: Ledger, account: str) -> None:
    status = ledger.status()
    assert status.head > 0
    assert {one.name for one in status.consumers} >= {"funding_accounts", "trial_balance"}
    assert all(one.alive for one in status.consumers)


def test_commands_can_be_learnt(ledger: Ledger) -> None:
    assert "OpenAccount" in {info.type for info in ledger.commands()}
    told = repr(ledger.help("OpenAccount"))
    assert "account_uuid" in told
    assert 'ledger.send("OpenAccount"' in told


def test_verify_reads_the_whole_chain(ledger: Ledger, account: str) -> None:
    report = ledger.verify()
    assert (report.ok, report.events) == (True, ledger.status().head)
    assert repr(report).endswith(f"the hash of event {report.head}: {report.head_hash}")


def test_help_says_what_an_optional_field_is_where_it_is_not_given(ledger: Ledger) -> None:
    """And nothing where that is an empty text."""
    assert "(optional, else account)" in repr(ledger.help("OpenAccount"))
    assert "2,000 characters (optional)\n" in repr(ledger.help("GrantBalances"))
