"""Money, folded from the events by hand, against what the clients asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from tests.torture.evidence import Event, Evidence, Intent

ZERO = Decimal(0)
_HOLDERS = {"Account": "account", "Asset": "asset", "Company": "company"}


def entry_of(event: Event) -> tuple[str, Decimal] | None:
    """Return the balance that an event moves, and by how much; None where it moves none."""
    for prefix, holder in _HOLDERS.items():
        if event.type in (f"{prefix}Credited", f"{prefix}Debited"):
            data = event.data
            amount = Decimal(data["amount"])
            signed = amount if event.type.endswith("Credited") else -amount
            return f"{holder}:{data[f'{holder}_uuid']}", signed
    return None


def balances(events: Iterator[Event] | list[Event]) -> Mapping[str, Decimal]:
    """Return every balance that was ever moved, such as "account:a-1"."""
    held: dict[str, Decimal] = {}
    for entry in filter(None, map(entry_of, events)):
        held[entry[0]] = held.get(entry[0], ZERO) + entry[1]
    return held


def nothing_is_overdrawn(evidence: Evidence) -> Iterator[str]:
    """No balance is below zero after any event: neither a grant nor anything else overdraws."""
    held: dict[str, Decimal] = {}
    for event in evidence.events:
        if (entry := entry_of(event)) is not None:
            balance, amount = entry
            held[balance] = held.get(balance, ZERO) + amount
            if held[balance] < 0:
                yield f"event {event.id} leaves {balance} at {held[balance]}"


def is_neither_made_nor_lost(evidence: Evidence) -> Iterator[str]:
    """All balances together are what the commands in the log brought in, less what they took."""
    held = sum(balances(list(evidence.events)).values(), ZERO)
    brought = sum(
        (_brought(evidence.intents[one]) for one in evidence.by_command if one in evidence.intents),
        ZERO,
    )
    if held != brought:
        yield f"all balances together are {held}; what came in less what went out is {brought}"
    yield from _transfers_that_do_not_balance(evidence)


def _brought(intent: Intent) -> Decimal:
    """What a command was to bring into all balances together; below zero: to take out."""
    if intent.type.startswith("DepositTo"):
        return Decimal(intent.data["amount"])
    if intent.type.startswith("WithdrawFrom") or intent.type == "MakePayment":
        return -Decimal(intent.data["amount"])
    return ZERO


def _transfers_that_do_not_balance(evidence: Evidence) -> Iterator[str]:
    """What a grant takes from its sources is what was asked for, and what its accounts get."""
    for command_id, events in evidence.by_command.items():
        intent = evidence.intents.get(command_id)
        if intent is None or intent.type != "GrantBalances":
            continue
        asked = sum((Decimal(to["amount"]) for to in intent.data["destinations"]), ZERO)
        entries = [entry[1] for entry in map(entry_of, events) if entry is not None]
        taken, given = (-sum((e for e in entries if e < 0), ZERO)), sum(e for e in entries if e > 0)
        if not asked == taken == given:
            yield f"grant {command_id} of {asked} took {taken} and gave {given}"


def states_are_as_the_events(
    evidence: Evidence, states: Mapping[str, Decimal | None]
) -> Iterator[str]:
    """What the aggregates answer for their balances is what the events add up to.

    They hydrate from snapshots: a wrong one shows here.
    """
    held = balances(list(evidence.events))
    for balance, answered in states.items():
        if answered != held.get(balance, ZERO):
            yield f"{balance} answers {answered}, its events add up to {held.get(balance, ZERO)}"
