"""A ledger with events that this program cannot read: who stops says so, and the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_actors import Ledger
from ledger_actors.daemon.errors import ActorCrashed
from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite
from supervision.testing import wait_until

SENTENCE = "event 2 is of type 'CompanyMerged', which this program does not know"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """One with a company that a later release has merged with another."""
    registered = NewEvent("CompanyRegistered", '{"company_uuid":"c","name":"C"}')
    with SqliteEventStore(tmp_path / "events.db") as store:
        write = StreamWrite("company-c", (registered, NewEvent("CompanyMerged", "{}")))
        store.append([Append((write,))])
    with Ledger.open(tmp_path, env="test", projector={"hydration_delay": 0}) as opened:
        yield opened


def test_status_and_tree_say_that_a_consumer_has_stopped_and_why(ledger: Ledger) -> None:
    def stopped() -> dict[str, str]:
        consumers = ledger.status().consumers
        return {one.name: one.told() for one in consumers if one.stopped_because is not None}

    wait_until(stopped, what="the trial balance's end")
    assert list(stopped()) == ["trial_balance"]
    assert f"stopped: {SENTENCE}" in stopped()["trial_balance"]
    assert "trial_balance  stopped" in str(ledger.tree())


def test_whoever_needs_what_cannot_be_read_is_told_at_once(ledger: Ledger) -> None:
    """And whoever does not is served."""
    with pytest.raises(ActorCrashed, match=SENTENCE):
        ledger.trial_balance()
    with pytest.raises(ActorCrashed, match=SENTENCE):
        ledger.send("RenameCompany", company_uuid="c", name="D")
    ledger.send("RegisterCompany", company_uuid="d", name="D")
    ledger.send("OpenAccount", account_uuid="a", company_uuid="d")
    assert ledger.balance("a").balance == "0"
