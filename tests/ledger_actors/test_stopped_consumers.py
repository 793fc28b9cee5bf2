"""A ledger with events that this program cannot read: who stops says so, and the others go on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger_actors import Ledger
from ledger_actors.daemon.errors import ActorCrashed
from ledger_actors.ledger import PROJECTORS
from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite
from supervision.testing import wait_until

SENTENCE = "event 2 is of type 'CompanyMerged', which this program does not know"


def rename(folder: Path, event_id: int) -> None:
    """Change an event's type by hand."""
    with closing(sqlite3.connect(folder / "events.db")) as db, db:
        db.execute("UPDATE events SET type = 'FromTheFuture' WHERE id = ?", [event_id])


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """One with a company that a later release has merged with another."""
    registered = NewEvent("CompanyRegistered", '{"company_uuid":"c","name":"C"}')
    with SqliteEventStore(tmp_path / "events.db") as store:
        write = StreamWrite("company-c", (registered, NewEvent("CompanyMerged", "{}")))
        store.append([Append((write,))])
    with Ledger.open(tmp_path, env="test", projector={"hydration_delay": 0}) as opened:
        yield opened


def test_status_and_tree_say_of_each_consumer_that_it_has_stopped_and_why(ledger: Ledger) -> None:
    """Also of those that list their types: it may be one of these, under a name of the future."""

    def stopped() -> dict[str, str]:
        consumers = ledger.status().consumers
        return {one.name: one.told() for one in consumers if one.stopped_because is not None}

    wait_until(lambda: len(stopped()) == len(PROJECTORS), what="the end of all read models")
    for kind in PROJECTORS:
        assert f"stopped: {SENTENCE}" in stopped()[kind.name]
        gone = f"{kind.name}  stopped"  # its supervisor hears of it a moment later
        wait_until(lambda gone=gone: gone in str(ledger.tree()), what=gone)


def test_no_balance_is_told_without_an_event_whose_type_is_not_known(tmp_path: Path) -> None:
    """A renamed type is no zero."""
    with Ledger.open(tmp_path, env="test", projector={"hydration_delay": 0}) as ledger:
        ledger.send("RegisterCompany", company_uuid="c", name="C")
        ledger.send("OpenAccount", account_uuid="a", company_uuid="c")
        line = {"line_id": "1", "amount": "5.00", "direction": "in", "booked_on": "1993-01-01"}
        recorded = ledger.send("RecordBankStatementLine", account_uuid="a", **line)
        assert ledger.balance("a").balance == "5.00"
    rename(tmp_path, recorded[0].id)
    for model in (tmp_path / "read-models").iterdir():
        model.unlink()
    with (
        Ledger.open(tmp_path, env="test", projector={"hydration_delay": 0}) as ledger,
        pytest.raises(ActorCrashed, match="is of type 'FromTheFuture'"),
    ):
        ledger.balance("a")


def test_whoever_needs_what_cannot_be_read_is_told_at_once(ledger: Ledger) -> None:
    """And other aggregates are served."""
    with pytest.raises(ActorCrashed, match=SENTENCE):
        ledger.trial_balance()
    with pytest.raises(ActorCrashed, match=SENTENCE):
        ledger.send("RenameCompany", company_uuid="c", name="D")
    ledger.send("RegisterCompany", company_uuid="d", name="D")
    ledger.send("OpenAccount", account_uuid="a", company_uuid="d")
    assert ledger.state("account", "a").company_uuid == "d"
