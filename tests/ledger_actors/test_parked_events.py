"""A ledger with an event at which a read model's own code raises: told, retried, discarded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from ledger_actors import Ledger, connect
from ledger_actors.daemon.cli import cli
from ledger_actors.daemon.errors import BadRequest, NotFound
from ledger_actors.ledger import PROJECTORS
from ledger_actors.ledger.events.accounts import AccountCredited
from ledger_actors.ledger.events.deals import DealCreated
from ledger_actors.ledger.projectors.funding_accounts import FundingAccounts
from ledger_actors.ledger.projectors.memberships import Memberships
from ledger_actors.ledger.projectors.trial_balance import TrialBalanceProjector
from ledger_actors.runtime.event_taker import EventTaker
from supervision.testing import wait_until

POISON = "13.00"


class Mistake(Exception):
    """A mistake in a read model's code."""


@pytest.fixture
def mistake(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Two read models raise at a deposit of 13.00; leave the context, and they are mended."""
    with monkeypatch.context() as patch:
        for kind in (FundingAccounts, TrialBalanceProjector):
            patch.setattr(kind, "project_all", raising(kind.project_all))
        yield patch


def raising(real: Any) -> Any:
    def project_all(_self: Any, db: Any, recorded: Any) -> None:
        for one in recorded:
            if isinstance(one.event, AccountCredited) and str(one.event.amount) == POISON:
                raise Mistake(f"thirteen, at {one.id}")
        real(db, recorded)

    return project_all


@pytest.fixture
def ledger(tmp_path: Path, mistake: Any) -> Iterator[Ledger]:
    with Ledger.open(tmp_path, env="test", projector={"hydration_delay": 0}) as opened:
        opened.send("RegisterCompany", company_uuid="c", name="C")
        for uuid in ("a", "b"):
            opened.send("OpenAccount", account_uuid=uuid, company_uuid="c")
        yield opened


def deposit(ledger: Ledger, account: str, amount: str) -> int:
    return ledger.send("DepositToAccount", account_uuid=account, amount=amount)[0].id


def parked(ledger: Ledger) -> list[tuple[str, int, str]]:
    return [(one.consumer, one.event_id, one.state) for one in ledger.parked()]


@pytest.fixture
def poison(ledger: Ledger) -> int:
    """A deposit of 13.00 on account a, and one behind it; both are parked by both."""
    event_id = deposit(ledger, "a", POISON)
    deposit(ledger, "a", "1.00")
    deposit(ledger, "b", "5.00")
    wait_until(lambda: len(parked(ledger)) == 4, what="four parked events")
    return event_id


def test_other_accounts_go_on_and_the_tree_lives(ledger: Ledger, poison: int) -> None:
    assert ledger.balance("b").balance == "5.00"
    assert ledger.balance("a").balance == "0"
    restarts = [node.restarts for branch in ledger.tree().root.children for node in branch.children]
    assert sum(restarts) == 1  # one of the two; the other tried again in place


def test_status_tree_and_metrics_show_what_is_parked(
    ledger: Ledger, poison: int, tmp_path: Path
) -> None:
    status = {one.name: one for one in ledger.status().consumers}
    assert status["funding_accounts"].parked == 2
    assert "2 parked" in status["funding_accounts"].told()
    assert status["membership"].parked == 0
    assert "funding_accounts  (FundingAccounts)  2 parked" in drawn(ledger)
    with connect(tmp_path) as remote:
        assert repr(remote.status()) == repr(ledger.status())
    door = httpx.HTTPTransport(uds=str(tmp_path / "door" / "ledger.sock"))
    with httpx.Client(transport=door, base_url="http://ledger") as client:
        lines = client.get("/metrics").text.splitlines()
    assert 'ledger_parked_events{consumer="trial_balance"} 2' in lines


def drawn(ledger: Ledger) -> str:
    return ledger.tree().text


def test_one_that_has_just_been_parked_is_not_listed_as_tried_again_as_well(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventTaker, "_forget_failure", lambda _self: None)
    event_id = deposit(ledger, "a", POISON)
    both = [("funding_accounts", event_id, "parked"), ("trial_balance", event_id, "parked")]

    wait_until(lambda: parked(ledger) == both, what="each of them once")


def test_one_is_shown_with_its_traceback(ledger: Ledger, poison: int) -> None:
    found = ledger.parked.show("funding_accounts", poison)
    assert (found.attempts, found.error) == (3, f"Mistake: thirteen, at {poison}")
    assert "in project_all" in (found.traceback or "")
    assert f"event {poison} (AccountCredited of account-a) parked" in repr(found)
    assert "behind" in repr(ledger.parked("funding_accounts"))


@pytest.mark.parametrize("at_the_door", [False, True])
def test_mended_and_retried_it_is_as_if_nothing_had_been(
    ledger: Ledger, poison: int, mistake: Any, tmp_path: Path, at_the_door: bool
) -> None:
    mistake.undo()
    used = connect(tmp_path) if at_the_door else ledger
    for consumer in ("funding_accounts", "trial_balance"):
        answer = used.parked.retry(consumer, poison)
        assert (answer.processed, answer.left, answer.error) == (2, 0, None)

    assert used.balance("a").balance == "14.00"
    assert used.trial_balance().money == "19.00"
    assert used.parked() == ()
    report = used.audit()
    assert report.ok
    assert {one.consumer for one in report.consumers} >= {kind.name for kind in PROJECTORS}
    if at_the_door:
        used.close()


def test_a_discard_is_on_record_and_a_new_read_model_leaves_the_event_out(
    ledger: Ledger, poison: int, mistake: Any, tmp_path: Path
) -> None:
    mistake.undo()
    with connect(tmp_path) as remote:
        answer = remote.parked.discard("funding_accounts", poison, reason="a test", author="eve")
    assert (answer.processed, answer.left) == (1, 0)
    (event,) = ledger.events(types="ParkedEventDiscarded")
    assert event.data == {"consumer": "funding_accounts", "event_id": poison, "reason": "a test"}
    assert event.author == "eve"
    assert ledger.balance("a").balance == "1.00"
    ledger.close()
    for file in (tmp_path / "read-models").iterdir():
        file.unlink()
    with Ledger.open(tmp_path, env="test", projector={"hydration_delay": 0}) as again:
        assert again.balance("a").balance == "1.00"
        assert again.trial_balance().money == "19.00"  # the discard is the other one's
        told = {one.consumer: one for one in again.audit().consumers}
        assert (told["funding_accounts"].discarded, told["trial_balance"].discarded) == (1, 0)
        assert again.audit().ok


def test_a_retry_that_fails_says_why(ledger: Ledger, poison: int) -> None:
    answer = ledger.parked.retry("funding_accounts", poison)
    assert (answer.processed, answer.left) == (0, 2)
    assert answer.error == f"Mistake: thirteen, at {poison}"
    assert ledger.parked.show("funding_accounts", poison).attempts == 4


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("tally/x", {"action": "retry"}, 400, "event id: expected a whole number"),
        ("tally/1", {"action": "retry"}, 404, "there is no consumer 'tally'"),
        ("funding_accounts/1", {"action": "forget"}, 400, "Invalid enum value 'forget'"),
        ("funding_accounts/1", {"action": "discard", "reason": " "}, 400, "reason"),
        ("funding_accounts/1", {"action": "discard"}, 400, "needs a reason and an author"),
        ("funding_accounts/1", {"action": "retry"}, 404, "has not parked event 1"),
    ],
)
def test_the_door_refuses_with_a_sentence(
    ledger: Ledger, tmp_path: Path, path: str, body: Any, status: int, said: str
) -> None:
    door = httpx.HTTPTransport(uds=str(tmp_path / "door" / "ledger.sock"))
    with httpx.Client(transport=door, base_url="http://ledger") as client:
        answer = client.post(f"/v1/parked/{path}", json=body)
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


@pytest.mark.parametrize("at_the_door", [False, True])
def test_what_makes_no_sense_is_refused(
    ledger: Ledger, poison: int, tmp_path: Path, at_the_door: bool
) -> None:
    used = connect(tmp_path) if at_the_door else ledger
    with pytest.raises(NotFound, match="there is no consumer 'nobody'; there is membership"):
        used.parked.retry("nobody", 1)
    with pytest.raises(NotFound, match="funding_accounts has not parked event 1;"):
        used.parked.show("funding_accounts", 1)
    with pytest.raises(BadRequest, match="reason"):
        used.parked.discard("funding_accounts", poison, reason="", author="eve")
    if at_the_door:
        used.close()


class TestOfTheOrderBoundOne:
    """Memberships: which deal of a company counts is a matter of their order."""

    @pytest.fixture
    def stopped(self, ledger: Ledger, monkeypatch: Any) -> Iterator[tuple[int, Any]]:
        def project(db: Any, event: Any) -> None:
            if isinstance(event.event, DealCreated) and event.event.deal_uuid == "d-1":
                raise Mistake("this deal")
            real(db, event)

        real = Memberships.project
        with monkeypatch.context() as patch:
            patch.setattr(Memberships, "project", staticmethod(project))
            event_id = self.deal(ledger, "d-1", "gold")
            self.deal(ledger, "d-2", "silver")
            wait_until(lambda: f"stopped  stopped at event {event_id}" in drawn(ledger))
            assert parked(ledger) == [("membership", event_id, "stopped")]
            yield event_id, patch

    def deal(self, ledger: Ledger, uuid: str, tier: str) -> int:
        party = {"role": "member", "company_uuid": "c"}
        terms = {"product_line": 4, "rating_tier": tier, "parties": [party]}
        return ledger.send("CreateDeal", deal_uuid=uuid, **terms)[0].id

    def test_it_stops_says_so_and_the_others_go_on(
        self, ledger: Ledger, stopped: tuple[int, Any]
    ) -> None:
        event_id, _ = stopped
        (status,) = (one for one in ledger.status().consumers if one.name == "membership")
        assert f"stopped: event {event_id} (DealCreated of deal-d-1)" in status.told()
        assert "bound to the order" in status.told()
        assert f"membership  stopped  stopped at event {event_id}" in drawn(ledger)
        deposit(ledger, "b", "5.00")
        assert ledger.balance("b").balance == "5.00"

    def test_mended_it_is_started_again_by_a_retry(
        self, ledger: Ledger, stopped: tuple[int, Any]
    ) -> None:
        event_id, patch = stopped
        again = ledger.parked.retry("membership", event_id)
        assert again.error is not None
        assert f"event {event_id}" in again.error
        patch.undo()
        wait_until(lambda: not running(ledger))
        assert ledger.parked.retry("membership", event_id).error is None
        assert ledger.membership("c").rating_tier == "silver"
        assert ledger.audit().ok

    def test_a_discard_lets_it_go_on(self, ledger: Ledger, stopped: tuple[int, Any]) -> None:
        event_id, _ = stopped
        answer = ledger.parked.discard("membership", event_id, reason="a test", author="eve")
        assert answer.error is None
        assert ledger.membership("c").deal_uuid == "d-2"
        assert ledger.audit().ok


def running(ledger: Ledger) -> bool:
    return any(one.alive for one in ledger.status().consumers if one.name == "membership")


class TestOfTheCommandLine:
    """`ledger-actors parked ...` and `audit`."""

    def run(self, folder: Path, *words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "--data", str(folder)])

    def test_list_show_retry_and_discard(
        self, ledger: Ledger, poison: int, mistake: Any, tmp_path: Path
    ) -> None:
        listed = self.run(tmp_path, "parked", "list", "--json")
        assert [json.loads(line)["event_id"] for line in listed.output.splitlines()] == [
            poison,
            poison + 1,
        ] * 2
        assert "Mistake" in self.run(tmp_path, "parked", "list").output
        name = ("trial_balance", str(poison))
        assert "Traceback" in self.run(tmp_path, "parked", "show", *name).output
        assert self.run(tmp_path, "parked", "retry", *name).exit_code == 1
        assert self.run(tmp_path, "parked", "discard", *name).exit_code == 2  # no reason
        mistake.undo()
        told = self.run(tmp_path, "parked", "retry", *name)
        assert (told.exit_code, told.output) == (0, "2 processed, 0 of the same key left\n")
        name = ("funding_accounts", str(poison))
        told = self.run(tmp_path, "parked", "discard", *name, "--reason", "a test")
        assert (told.exit_code, told.output) == (0, "1 processed, 0 of the same key left\n")
        assert self.run(tmp_path, "parked", "list").output == "nothing is parked\n"

    def test_audit(self, ledger: Ledger, poison: int, tmp_path: Path) -> None:
        told = self.run(tmp_path, "audit")
        assert told.exit_code == 0
        assert "funding_accounts at 6: 3 events processed, 2 parked: as in the log" in told.output
        assert json.loads(self.run(tmp_path, "audit", "--json").output)["ok"] is True
