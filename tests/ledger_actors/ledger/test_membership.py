"""Membership: the rules over the events of deals, and the read model that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.ledger.deal_parties import Party
from ledger_actors.ledger.events.deals import DealActivated, DealCreated, DealDeleted, DealUpdated
from ledger_actors.ledger.membership import Membership, Removed, changes
from ledger_actors.ledger.projectors.memberships import Memberships, membership_of, memberships
from tests.ledger_actors.ledger.books import Books


def terms(
    kind: Any = DealCreated, deal: str = "d1", *companies: str, line: int = 4, tier: str = "gold"
) -> Any:
    parties = tuple(Party(company_uuid=one, role="member") for one in companies or ("acme",))
    return kind(deal_uuid=deal, product_line=line, rating_tier=tier, parties=parties)


def activated(deal: str = "d1") -> DealActivated:
    return DealActivated(deal_uuid=deal)


def deleted(deal: str = "d1") -> DealDeleted:
    return DealDeleted(deal_uuid=deal)


def after(*events: Any) -> dict[str, tuple[str, str, bool]]:
    """The memberships after these events: company -> tier, deal, activated."""
    ledger = Books()
    for event in events:
        ledger.record(f"deal-{event.deal_uuid}", event)
    found = memberships(ledger.projected(Memberships))
    return {one.company_uuid: (one.rating_tier, one.deal_uuid, one.activated) for one in found}


Memberships_ = dict[str, tuple[str, str, bool]]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], {}),
        ([terms()], {"acme": ("gold", "d1", False)}),
        ([terms(), activated()], {"acme": ("gold", "d1", True)}),
        ([terms(), activated(), terms(DealUpdated, tier="tin")], {"acme": ("tin", "d1", False)}),
        ([terms(), deleted()], {}),
        ([terms(), activated(), deleted()], {}),
        ([terms(line=3), activated()], {}),
        ([terms(DealCreated, "d1", "acme", "globex"), activated()], {}),
        ([terms(line=3), terms(DealUpdated)], {"acme": ("gold", "d1", False)}),
        ([terms(), terms(DealUpdated, line=3)], {}),
        ([terms(), terms(DealUpdated, "d1", "acme", "globex")], {}),
        ([terms(), terms(DealUpdated, "d1", "globex")], {"globex": ("gold", "d1", False)}),
    ],
)
def test_one_deal(events: Sequence[Any], expected: Memberships_) -> None:
    assert after(*events) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([terms(), terms(deal="d2", tier="tin")], {"acme": ("tin", "d2", False)}),
        ([terms(), terms(deal="d2"), activated("d1")], {"acme": ("gold", "d2", False)}),
        ([terms(), terms(deal="d2"), deleted("d1")], {"acme": ("gold", "d2", False)}),
        ([terms(), terms(deal="d2"), activated("d2")], {"acme": ("gold", "d2", True)}),
        ([terms(), activated(), terms(deal="d2", line=3)], {"acme": ("gold", "d1", True)}),
        (
            [terms(), terms(DealCreated, "d2", "globex"), deleted("d1")],
            {"globex": ("gold", "d2", False)},
        ),
    ],
)
def test_a_deal_that_is_not_tracked_changes_nothing(
    events: Sequence[Any], expected: Memberships_
) -> None:
    assert after(*events) == expected


def test_a_company_in_two_roles_is_one_company() -> None:
    parties = (Party(company_uuid="acme", role="a"), Party(company_uuid="acme", role="b"))
    event = DealCreated(deal_uuid="d", product_line=4, rating_tier="gold", parties=parties)
    assert changes(event, None) == (
        Membership(company_uuid="acme", rating_tier="gold", deal_uuid="d"),
    )


def test_an_update_that_moves_the_deal_removes_what_it_was() -> None:
    tracked = Membership(company_uuid="acme", rating_tier="gold", deal_uuid="d1", activated=True)
    first, second = changes(terms(DealUpdated, "d1", "globex"), tracked)
    assert first == Removed(company_uuid="acme")
    assert second == Membership(company_uuid="globex", rating_tier="gold", deal_uuid="d1")


def test_a_look_up_by_company() -> None:
    ledger = Books()
    ledger.record("deal-d1", terms())
    db = ledger.projected(Memberships)
    assert membership_of(db, "acme") == Membership(
        company_uuid="acme", rating_tier="gold", deal_uuid="d1"
    )
    assert membership_of(db, "globex") is None


deals, companies = st.sampled_from(["d1", "d2", "d3"]), st.sampled_from(["acme", "globex"])
deal_events = st.one_of(
    st.builds(
        terms, st.sampled_from([DealCreated, DealUpdated]), deals, companies, line=st.integers(3, 4)
    ),
    st.builds(activated, deals),
    st.builds(deleted, deals),
)


@given(st.lists(deal_events, max_size=15))
def test_no_deal_is_ever_two_memberships(events: list[Any]) -> None:
    tracked = [deal for _, deal, _ in after(*events).values()]
    assert len(set(tracked)) == len(tracked)
