"""What somebody did to the files behind the ledger's back is told in a sentence."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ledger_actors import Ledger
from ledger_actors.daemon import errors
from ledger_actors.ledger.projectors.trial_balance import TrialBalanceProjector
from supervision.testing import HANG, wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data of a ledger that was stopped in order: three events."""
    with opened(tmp_path) as ledger:
        ledger.send("RegisterCompany", company_uuid="c-1", name="Acme")
        ledger.send("OpenAccount", account_uuid="a-1", company_uuid="c-1")
        ledger.send("DepositToAccount", account_uuid="a-1", amount="5.00")
        assert ledger.trial_balance().holds
    return tmp_path


@contextmanager
def opened(folder: Path) -> Iterator[Ledger]:
    with Ledger.open(folder, env="test") as ledger:
        yield ledger


def change(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        assert connection.execute(statement).rowcount == 1


def test_verify_names_a_row_that_was_changed_by_hand(folder: Path) -> None:
    change(folder / "events.db", "UPDATE events SET payload = '{}' WHERE id = 3")
    with opened(folder) as ledger:
        report = ledger.verify()
    assert not report.ok
    assert repr(report) == (
        "event 3 (version 2 of 'account-a-1') was changed, or put in the place of another\n"
        "3 events: 1 problem"
    )


def test_a_read_model_ahead_of_the_store_says_that_it_has_stopped(folder: Path) -> None:
    """At once, while the rest goes on: nobody waits for what will not come."""
    (file,) = (folder / "read-models").glob("trial_balance-*.db")
    change(file, "UPDATE _position SET event_id = 99")
    with opened(folder) as ledger:
        with pytest.raises(errors.ActorCrashed, match="trial_balance has stopped: "):
            ledger.trial_balance()
        assert ledger.actor("trial_balance").info().status == "stopped"
        assert ledger.balance("a-1").balance == "5.00"
        (stopped,) = (one for one in ledger.status().consumers if not one.alive)
        assert stopped.name == "trial_balance"
        assert stopped.told().startswith("projector, stopped: trial_balance stands at event 99")
        ledger.send("DepositToAccount", account_uuid="a-1", amount="1.00")


def test_one_that_has_stopped_for_good_is_shown_so_while_it_ends(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = (folder / "read-models").glob("trial_balance-*.db")
    change(file, "UPDATE _position SET event_id = 99")
    may_end, close = threading.Event(), TrialBalanceProjector.on_stop

    def on_stop(projector: TrialBalanceProjector) -> None:
        may_end.wait(HANG)
        close(projector)

    monkeypatch.setattr(TrialBalanceProjector, "on_stop", on_stop)
    with opened(folder) as ledger:
        wait_until(lambda: not all(one.alive for one in ledger.status().consumers))
        assert ledger.actor("trial_balance").info().status == "stopped"
        may_end.set()


@pytest.mark.parametrize(
    "changed", ["type = 'FromTheFuture'", "schema_version = 99", "payload = '{\"amount\": 7}'"]
)
def test_an_event_that_this_program_does_not_know_stops_who_would_read_it(
    folder: Path, changed: str
) -> None:
    change(folder / "events.db", f"UPDATE events SET {changed} WHERE id = 3")
    for file in (folder / "read-models").glob("trial_balance-*"):
        file.unlink()
    with opened(folder) as ledger:
        with pytest.raises(errors.ActorCrashed, match="trial_balance has stopped: "):
            ledger.trial_balance()
        assert ledger.balance("a-1").balance == "5.00"  # which had been read before
        assert ledger.state("company", "c-1").name == "Acme"
