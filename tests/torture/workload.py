"""The commands of a torture, at random from a seed: credits, grants, payments, days, deals."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from tests.torture.evidence import Intent

COMPANIES, ACCOUNTS, ASSETS, PRODUCTS = 3, 10, 3, 8
FIRST_DAY = date(2026, 3, 2)


def company_of(account: int) -> str:
    """The company that an account belongs to."""
    return f"c-{account % COMPANIES}"


def opening() -> Iterator[Intent]:
    """What has to be there before anything else, in order."""

    def intent(kind: str, of: str, /, **data: Any) -> Intent:
        return Intent(f"opening:{kind}:{of}", kind, data)

    for number in range(COMPANIES):
        uuid = f"c-{number}"
        yield intent("RegisterCompany", uuid, company_uuid=uuid, name=uuid.upper())
        yield intent("DepositToCompany", uuid, company_uuid=uuid, amount="500.00")
    for number in range(ACCOUNTS):
        uuid = f"a-{number}"
        yield intent("OpenAccount", uuid, account_uuid=uuid, company_uuid=company_of(number))
        yield intent("DepositToAccount", uuid, account_uuid=uuid, amount="100.00")
    for number in range(ASSETS):
        uuid = f"s-{number}"
        yield intent(
            "RegisterAsset",
            uuid,
            asset_uuid=uuid,
            sender_company_uuid="c-0",
            receiver_company_uuid="c-1",
            value="10000.00",
        )
        yield intent("DepositToAsset", uuid, asset_uuid=uuid, amount="500.00")
    parties = [{"company_uuid": "c-0", "role": "lender"}, {"company_uuid": "c-1", "role": "payer"}]
    yield intent("CreateDeal", "d", deal_uuid="d", product_line=1, rating_tier="A", parties=parties)
    for number in range(COMPANIES):
        yield intent("CreateDeal", f"m-{number}", **_membership(number, "A"))
    for number in range(PRODUCTS):
        uuid = f"p-{number}"
        due_on = FIRST_DAY + timedelta(days=number - PRODUCTS // 2)
        yield intent(
            "OpenProduct",
            uuid,
            product_uuid=uuid,
            deal_uuid="d",
            paying_role="payer",
            amount="1000000.00",
            due_on=due_on.isoformat(),
            daily_late_fee_rate="0.00035",
            asset_uuid=f"s-{number % ASSETS}",
        )


def _membership(number: int, tier: str) -> dict[str, Any]:
    """The terms of a deal that makes a company a member."""
    parties = [{"company_uuid": f"c-{number}", "role": "member"}]
    terms = {"product_line": 4, "rating_tier": tier, "parties": parties}
    return {"deal_uuid": f"m-{number}", **terms}


class Workload:
    """The commands of one client, the same for the same seed, each with an id of its own."""

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._chance = random.Random(f"{seed}:{name}")
        self._number = 0
        makers: Sequence[tuple[int, Callable[[], tuple[str, dict[str, Any]]]]] = (
            (30, self._deposit),
            (20, self._withdrawal),
            (35, self._grant),
            (15, self._payment),
            (5, self._payment_from_outside),
            (5, self._revaluation),
            (5, self._other_terms),
            (5, self._activation),
        )
        self._weights = [weight for weight, _ in makers]
        self._makers = [maker for _, maker in makers]

    def next(self) -> Intent:
        """The next command."""
        self._number += 1
        (maker,) = self._chance.choices(self._makers, self._weights)
        kind, data = maker()
        return Intent(f"{self._name}:{self._number}", kind, data)

    def _amount(self, most: int = 200) -> str:
        return f"{self._chance.randrange(1, most * 100) / 100:.2f}"

    def _some(self, kind: str) -> str:
        count = {"a": ACCOUNTS, "c": COMPANIES, "s": ASSETS, "p": PRODUCTS}[kind]
        return f"{kind}-{self._chance.randrange(count)}"

    def _deposit(self) -> tuple[str, dict[str, Any]]:
        return self._moved("DepositTo")

    def _withdrawal(self) -> tuple[str, dict[str, Any]]:
        return self._moved("WithdrawFrom")

    def _moved(self, verb: str) -> tuple[str, dict[str, Any]]:
        kind, name = self._chance.choice([("Account", "a"), ("Asset", "s"), ("Company", "c")])
        return verb + kind, {f"{kind.lower()}_uuid": self._some(name), "amount": self._amount()}

    def _grant(self) -> tuple[str, dict[str, Any]]:
        every = [("asset", f"s-{n}") for n in range(ASSETS)]
        every += [("company", f"c-{n}") for n in range(COMPANIES)]
        sources = self._chance.sample(every, self._chance.randint(1, 3))
        accounts = self._chance.sample(range(ACCOUNTS), self._chance.randint(1, 2))
        return "GrantBalances", {
            "grant_uuid": f"g-{self._name}-{self._number}",
            "sources": [{"from_type": kind, "from_uuid": uuid} for kind, uuid in sources],
            "destinations": [
                {
                    "to_company_account_uuid": f"a-{account}",
                    "to_company_uuid": company_of(account),
                    "amount": self._amount(300),
                }
                for account in accounts
            ],
        }

    def _payment(self) -> tuple[str, dict[str, Any]]:
        kind, name = self._chance.choice([("account", "a"), ("company", "c")])
        return "MakePayment", {
            "payment_uuid": f"m-{self._name}-{self._number}",
            "product_uuid": self._some("p"),
            "from_type": kind,
            "from_uuid": self._some(name),
            "amount": self._amount(3),
        }

    def _payment_from_outside(self) -> tuple[str, dict[str, Any]]:
        return "PayProduct", {"product_uuid": self._some("p"), "amount": self._amount(3)}

    def _revaluation(self) -> tuple[str, dict[str, Any]]:
        value = f"{self._chance.randrange(500_000, 2_000_000) / 100:.2f}"
        return "RevalueAsset", {"asset_uuid": self._some("s"), "value": value}

    def _other_terms(self) -> tuple[str, dict[str, Any]]:
        return "UpdateDeal", _membership(
            self._chance.randrange(COMPANIES), self._chance.choice("ABC")
        )

    def _activation(self) -> tuple[str, dict[str, Any]]:
        return "ActivateDeal", {"deal_uuid": f"m-{self._chance.randrange(COMPANIES)}"}


class Days:
    """The dates that are cycled, one after the other."""

    def __init__(self) -> None:
        self._next = FIRST_DAY

    def next(self) -> Intent:
        """The command that cycles the next date."""
        day, self._next = self._next, self._next + timedelta(days=1)
        return Intent(f"day:{day}", "CycleSystem", {"new_date": day.isoformat()})
