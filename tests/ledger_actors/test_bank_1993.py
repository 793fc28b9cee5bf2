"""A real bank's year, against the balances that the bank itself recorded."""

from __future__ import annotations

import io
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ledger_actors import Ledger, connect, importing
from ledger_actors.daemon.errors import LedgerError, NotFound
from ledger_actors.daemon.protocol import CommandAnswer
from ledger_actors.demos.daemon_process import DaemonProcess
from ledger_actors.importing.records import CommandLine
from ledger_actors.importing.sources import plan_stages
from supervision import telemetry
from tests.ledger_actors.bank_oracle import DATA, Closing, recorded_closings

MAPPING = Path(__file__).parents[2] / "examples" / "bank-1993.toml"
COMMANDS = 1 + 1_139 + 28_205
NO_HYDRATION_DELAY = {"hydration_delay": 0, "hydration_delay_entropy": 0}

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the bank's year is not in {DATA}"),
]


@pytest.fixture(scope="module")
def closings() -> dict[str, Closing]:
    return recorded_closings(DATA)


def test_the_recorded_balances_follow_from_the_rows(closings: dict[str, Closing]) -> None:
    """What the mapping reads, folded without a ledger: the oracle and the mapping agree."""
    _, accounts, rows = plan_stages(DATA, MAPPING)
    opened = [line for line in accounts.records() if isinstance(line, CommandLine)]
    balances: dict[str, Decimal] = defaultdict(Decimal)
    for line in rows.records():
        assert isinstance(line, CommandLine), line
        data = line.command["data"]
        amount = Decimal(data["amount"])
        balances[_bank_id(data["account_uuid"])] += amount if data["direction"] == "in" else -amount

    assert (len(opened), sum(closing.rows for closing in closings.values())) == (1_139, 28_205)
    _assert_as_recorded(balances, closings)


def test_the_year_goes_in_once_and_every_balance_is_the_bank_s(
    tmp_path: Path, closings: dict[str, Closing]
) -> None:
    with _opened(tmp_path) as ledger:
        first, second = _import(ledger), _import(ledger)

        assert (first.taken, first.already_there, first.rejected) == (COMMANDS, 0, 0)
        assert (second.taken, second.already_there, second.rejected) == (0, COMMANDS, 0)
        _assert_the_year_is_there(ledger, closings)


def test_crashes_all_the_way_through_change_nothing(
    tmp_path: Path, closings: dict[str, Closing]
) -> None:
    """Aggregates, projectors and the journal crash or are killed at random, by a fixed seed."""
    with _opened(tmp_path) as ledger, _abnormal_ends() as ends:
        crashing = _CrashingLedger(ledger, random.Random(1993))
        summary = _import(crashing)

        assert (summary.rejected, summary.broken_off) == (0, None)
        assert summary.taken + summary.already_there == COMMANDS
        assert ends.keys() >= {"account", "funding_accounts", "trial_balance", "journal"}
        assert ends.total() > 20
        assert crashing.last_hit > 20_000
        _assert_the_year_is_there(ledger, closings)


@pytest.mark.external
def test_a_daemon_killed_in_the_middle_has_it_all_after_a_second_import(
    tmp_path: Path, closings: dict[str, Closing]
) -> None:
    data = tmp_path / "data"
    with DaemonProcess(data, LEDGER_ENV="test") as daemon:
        with connect(data) as ledger:
            first = _import(_InterruptedLedger(ledger, daemon.kill_9, after=5_000))
        assert first.exit_status == 3
        assert 5_000 <= first.taken < COMMANDS - 5_000

        daemon.start()
        with connect(data) as ledger:
            second = _import(ledger)
            assert (second.taken + second.already_there, second.rejected) == (COMMANDS, 0)
            assert second.already_there >= first.taken
            assert second.taken > 0
            _assert_the_year_is_there(ledger, closings)


@contextmanager
def _abnormal_ends() -> Iterator[Counter[str]]:
    """How many children have crashed or been killed, by kind, as their supervisors were told."""
    ends: Counter[str] = Counter()

    def count(event: str, fields: Mapping[str, Any]) -> None:
        if event == telemetry.CHILD_ENDED and fields["reason"].abnormal:
            child = fields["child_id"]
            kind = child if isinstance(child, str) else child[0]
            ends[getattr(kind, "category", kind)] += 1

    detach = telemetry.attach(count)
    try:
        yield ends
    finally:
        detach()


class _CrashingLedger:
    """Sends as `ledger` does, and hits an actor on the way every some hundred answers."""

    def __init__(self, ledger: Ledger, chance: random.Random) -> None:
        self._ledger = ledger
        self._chance = chance
        self.last_hit = 0

    def send_many(
        self, commands: Iterable[dict[str, Any]], *, window: int
    ) -> Iterator[CommandAnswer | LedgerError]:
        until = self._chance.randrange(200)
        for at, outcome in enumerate(self._ledger.send_many(commands, window=window)):
            if at == until:
                self._hit()
                self.last_hit = max(self.last_hit, at)  # what failed is sent again, from 0
                until += self._chance.randrange(1, 1_000)
            yield outcome

    def _hit(self) -> None:
        account = f"bank-1993-{self._chance.choice(['576', '3818', '704', '2378', '1972'])}"
        name, id_ = self._chance.choice(
            [("account", account)] * 6
            + [("funding_accounts", None), ("trial_balance", None), ("journal", None)]
        )
        actor = self._ledger.actor(name, id_)
        try:
            self._chance.choice([actor.crash, actor.kill])()
        except NotFound:  # not started yet, or just on its way back from the hit before
            return


class _InterruptedLedger:
    """Sends as `ledger` does, and has something happen after so many answers."""

    def __init__(self, ledger: Ledger, happening: Callable[[], None], *, after: int) -> None:
        self._ledger = ledger
        self._happening = happening
        self._left = after

    def send_many(
        self, commands: Iterable[dict[str, Any]], *, window: int
    ) -> Iterator[CommandAnswer | LedgerError]:
        for outcome in self._ledger.send_many(commands, window=window):
            yield outcome
            self._left -= 1
            if self._left == 0:
                self._happening()


def _opened(tmp_path: Path) -> Ledger:
    return Ledger.open(
        tmp_path / "data",
        env="test",
        projector=NO_HYDRATION_DELAY,
        supervision={"max_restarts": 10_000},
    )


def _import(ledger: importing.Sender) -> importing.ImportSummary:
    return importing.run(ledger, DATA, mapping=MAPPING, console=Console(file=io.StringIO()))


def _assert_the_year_is_there(ledger: Ledger, closings: dict[str, Closing]) -> None:
    balances = {_bank_id(row.account_uuid): Decimal(row.balance) for row in ledger.balances()}
    _assert_as_recorded(balances, closings)
    trial = ledger.trial_balance()
    assert trial.holds
    assert Decimal(trial.money) == sum(balances.values())
    report = ledger.verify()
    assert (report.ok, report.events) == (True, COMMANDS)


def _assert_as_recorded(balances: dict[str, Decimal], closings: dict[str, Closing]) -> None:
    assert balances.keys() == closings.keys()
    wrong = [one for one, balance in balances.items() if not closings[one].agrees_with(balance)]
    assert wrong == []
    assert sum(balance == closings[one].balance for one, balance in balances.items()) == 681


def _bank_id(account_uuid: str) -> str:
    return account_uuid.removeprefix("bank-1993-")
