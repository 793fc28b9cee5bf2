"""A short history with one of everything, made in process, and the record of who was told what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ledger_actors import Ledger
from ledger_actors.daemon.errors import Rejected
from ledger_actors.demos.waiting import wait_until_settled
from tests.torture.clients import Client
from tests.torture.evidence import Evidence, Intent, Record, RecordFile, Refused, read_events
from tests.torture.workload import Days, Workload, opening


class History(NamedTuple):
    """A store's folder, and the evidence of how it came about."""

    folder: Path
    evidence: Evidence


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """The opening, three days with late fees, a withdrawal, a grant, a payment, a refusal."""
    folder, records = tmp_path_factory.mktemp("history"), tmp_path_factory.mktemp("records")
    client = Client("one", Workload("one", 1), records, window=1, seed=1)
    with Ledger.open(folder, env="test") as ledger:
        client.send_one_by_one(ledger, _commands())
        client.repeat(ledger)  # some of what was acknowledged, once more
        _refused(ledger, records)
        wait_until_settled(ledger)  # the fees are there
    client.close()
    record = Record(records)
    record.read_on()
    return History(folder, Evidence.of(read_events(folder / "events.db"), record))


def _commands() -> Iterator[Intent]:
    days = Days()
    yield from opening()
    yield days.next()
    yield _intent("GrantBalances", grant_uuid="g", sources=_SOURCES, destinations=_DESTINATIONS)
    yield days.next()
    yield _intent("WithdrawFromAccount", account_uuid="a-0", amount="25.00")
    yield _intent(
        "MakePayment",
        payment_uuid="m",
        product_uuid="p-0",
        from_type="account",
        from_uuid="a-1",
        amount="10.00",
    )
    yield _intent("RevalueAsset", asset_uuid="s-0", value="20000.00")
    yield days.next()


def _intent(kind: str, **data: Any) -> Intent:
    return Intent(f"one:{kind}", kind, data)


_SOURCES = [
    {"from_type": kind, "from_uuid": uuid} for kind, uuid in (("asset", "s-0"), ("company", "c-0"))
]
_DESTINATIONS = [
    {"to_company_account_uuid": f"a-{number}", "to_company_uuid": f"c-{number}", "amount": "400.00"}
    for number in (0, 1)
]


def _refused(ledger: Ledger, records: Path) -> None:
    data = {"account_uuid": "a-0", "amount": "1000000.00"}
    intent = Intent("refused", "WithdrawFromAccount", data)
    file = RecordFile(records / "refused.jsonl")
    file.write(intent)
    with pytest.raises(Rejected) as refusal:
        ledger.send(intent.type, command_id=intent.id, **intent.data)
    file.write(Refused(intent.id, refusal.value.code))
    file.close()
