"""The checks of a log against the record of who sent what and was told what; all pure.

Each takes `Evidence` and yields a sentence for each thing that is wrong. Those of money and of late
fees are in `money` and `fees`, those of files in `files`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tests.torture import fees, money
from tests.torture.evidence import Event, Evidence, Intent

Check = Callable[[Evidence], Iterator[str]]

ONE_EVENT: Mapping[str, str] = {
    "RegisterCompany": "CompanyRegistered",
    "OpenAccount": "AccountOpened",
    "RegisterAsset": "AssetRegistered",
    "CreateDeal": "DealCreated",
    "UpdateDeal": "DealUpdated",
    "ActivateDeal": "DealActivated",
    "OpenProduct": "ProductOpened",
    "DepositToAccount": "AccountCredited",
    "DepositToAsset": "AssetCredited",
    "DepositToCompany": "CompanyCredited",
    "WithdrawFromAccount": "AccountDebited",
    "WithdrawFromAsset": "AssetDebited",
    "WithdrawFromCompany": "CompanyDebited",
    "RevalueAsset": "AssetRevalued",
    "PayProduct": "ProductPaid",
    "CycleSystem": "SystemCycled",
}
"""The commands that make one event, and which."""


def acknowledged_commands_are_there_once(evidence: Evidence) -> Iterator[str]:
    """What was acknowledged is in the log, byte for byte, and nothing else under its id."""
    for command_id, acks in evidence.acks.items():
        there = tuple(evidence.by_command.get(command_id, ()))
        if not there:
            yield f"{command_id} was acknowledged, and is not in the log"
        elif there != acks[0].events:
            yield f"{command_id} was acknowledged with {acks[0].events}, the log has {there}"


def repeats_are_answered_as_at_first(evidence: Evidence) -> Iterator[str]:
    """A command that is sent again is told as known, with the very same events."""
    for command_id, (first, *later) in evidence.acks.items():
        for again in later:
            if not again.duplicate:
                yield f"{command_id} was acknowledged before, and was done again"
            if again.events != first.events:
                yield f"{command_id} was answered with {again.events}, before with {first.events}"


def nothing_is_half_there(evidence: Evidence) -> Iterator[str]:
    """Each command in the log has all of its events, one after the other, and no others."""
    for command_id, events in evidence.by_command.items():
        if fees.is_charged_under(command_id):
            continue  # checked by product and date
        intent = evidence.intents.get(command_id)
        if intent is None:
            yield f"events {_ids(events)} are of a command that nobody sent: {command_id}"
            continue
        first = events[0].id
        if [event.id for event in events] != list(range(first, first + len(events))):
            yield f"the events of {command_id} are not next to each other: {_ids(events)}"
        if [event.command_index for event in events] != list(range(len(events))):
            yield f"the events of {command_id} are not numbered from 0: {_ids(events)}"
        if (found := Counter(event.type for event in events)) != (wanted := _whole(intent, events)):
            yield f"{command_id} has {dict(found)}, and should have {dict(wanted)}"


def refused_commands_left_nothing(evidence: Evidence) -> Iterator[str]:
    """What was refused has no event."""
    for command_id in evidence.refused:
        if command_id in evidence.by_command:
            yield f"{command_id} was refused, and is in the log"


def everything_was_answered(evidence: Evidence) -> Iterator[str]:
    """Each command that was sent has its answer by now, if need be after repeats."""
    for command_id in evidence.intents.keys() - evidence.acks.keys() - set(evidence.refused):
        yield f"{command_id} was sent, and never answered"


def ids_have_no_gap(evidence: Evidence) -> Iterator[str]:
    """Ids are 1, 2, 3, ..."""
    for expected, event in enumerate(evidence.events, start=1):
        if event.id != expected:
            yield f"event {expected} is missing, or there twice: {event.id} is in its place"
            return


def versions_have_no_gap(evidence: Evidence) -> Iterator[str]:
    """Each stream's versions are 1, 2, 3, ... in the order of ids."""
    versions: dict[str, int] = {}
    for event in evidence.events:
        expected = versions.get(event.stream, 0) + 1
        if event.version != expected:
            yield f"event {event.id} is version {event.version} of {event.stream}, not {expected}"
        versions[event.stream] = event.version


AFTER_EACH_RESTART: Sequence[Check] = (
    acknowledged_commands_are_there_once,
    repeats_are_answered_as_at_first,
    nothing_is_half_there,
    refused_commands_left_nothing,
    everything_was_answered,
    ids_have_no_gap,
    versions_have_no_gap,
    fees.dates_are_taken,
    money.nothing_is_overdrawn,
)
AT_THE_END: Sequence[Check] = (
    *AFTER_EACH_RESTART,
    money.is_neither_made_nor_lost,
    fees.dates_have_no_gap,
    fees.are_charged_once,
)
"""Also what needs the consumers to have caught up."""


def wrong(evidence: Evidence, checks: Iterable[Check]) -> list[str]:
    """Return what the checks find, each sentence with its check."""
    return [f"{check.__name__}: {found}" for check in checks for found in check(evidence)]


def _whole(intent: Intent, events: Sequence[Event]) -> Counter[str]:
    """The types of the events that a command leads to, each so many times."""
    data = intent.data
    if intent.type == "GrantBalances":
        drawn = Counter(
            f"{source['from_type'].title()}Debited"
            for event in events
            if event.type == "BalancesGranted"
            for source in event.data["sources"]
        )
        return drawn + Counter(BalancesGranted=1, AccountCredited=len(data["destinations"]))
    if intent.type == "MakePayment":
        return Counter(["PaymentMade", f"{data['from_type'].title()}Debited", "ProductPaid"])
    return Counter([ONE_EVENT[intent.type]])


def _ids(events: Sequence[Event]) -> list[int]:
    return [event.id for event in events]
