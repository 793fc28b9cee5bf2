"""Grants: what assets and companies hold goes to funding accounts, all of it or nothing.

One append over many streams: `BalancesGranted` on the grant's own, the debits and credits on those
of its sources and destinations. Everything that is read here is guarded by the version at which it
was read, so two grants at once on one source cannot both draw what only one can have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from ledger_actors.ledger.aggregates import account, asset, company
from ledger_actors.ledger.aggregates.account import Account, AccountState
from ledger_actors.ledger.aggregates.asset import Asset, AssetState
from ledger_actors.ledger.aggregates.company import Company, CompanyState
from ledger_actors.ledger.aggregates.transfer import Grant
from ledger_actors.ledger.amounts import ZERO, subtract, to_decimal, total
from ledger_actors.ledger.commands.grants import GrantBalances, GrantDestination, GrantSource
from ledger_actors.ledger.entries import Reason, grant_balance
from ledger_actors.ledger.events.accounts import AccountCredited
from ledger_actors.ledger.events.transfers import BalancesGranted, DrawnSource, GrantedDestination
from ledger_actors.ledger.rejections import Code, Refused, ensure_exists, ensure_new
from ledger_actors.runtime import Aggregate, CommandHandler, Event, StreamEvents

SourceState: TypeAlias = AssetState | CompanyState
Key: TypeAlias = tuple[type[Aggregate[Any]], str]
States: TypeAlias = Mapping[Key, Any]
Drawn: TypeAlias = tuple[GrantSource, SourceState, Decimal]


def source_key(source: GrantSource) -> Key:
    """Return the aggregate of a source."""
    return (Asset if source.from_type == "asset" else Company, source.from_uuid)


def reads(command: GrantBalances) -> Sequence[Key]:
    """Return what a grant rests on: itself, its sources, its destinations; each once."""
    sources = [source_key(source) for source in command.sources]
    accounts = [(Account, to.to_company_account_uuid) for to in command.destinations]
    return tuple(dict.fromkeys([*creates(command), *sources, *accounts]))


def creates(command: GrantBalances) -> Sequence[Key]:
    """Return what a grant makes: itself."""
    return ((Grant, command.grant_uuid),)


def decide(command: GrantBalances, states: States) -> Sequence[StreamEvents]:
    """Return the events of a grant, stream by stream, from the states that `reads` named.

    Raises:
        Refused: duplicate_source, already_exists, does_not_exist, insufficient_balance,
            wrong_company, inactive or closed; the sentence names the source or the account.
    """
    _ensure_sources_differ(command.sources)
    ensure_new("grant", command.grant_uuid, exists=states[Grant, command.grant_uuid].exists)
    sources = [(source, states[source_key(source)]) for source in command.sources]
    for source, state in sources:
        _ensure_source(source, state)
    for to in command.destinations:
        _ensure_destination(to, states[Account, to.to_company_account_uuid])
    drawn = draw_down(total(to_decimal(to.amount) for to in command.destinations), sources)
    return _events(command, drawn)


def draw_down(
    needed: Decimal, sources: Sequence[tuple[GrantSource, SourceState]]
) -> Sequence[Drawn]:
    """Return how much comes from which source, in the order given; those not needed are left out.

    Raises:
        Refused: insufficient_balance: the sources together do not hold what is needed.
    """
    held = total(state.balance for _, state in sources)
    if needed > held:
        message = f"the sources hold {held} together: {needed} cannot be granted from them"
        raise Refused(Code.INSUFFICIENT_BALANCE, message)
    drawn: list[Drawn] = []
    for source, state in sources:
        part = min(needed, state.balance)
        if part > ZERO:
            drawn.append((source, state, part))
            needed = subtract(needed, part)
    return drawn


def _ensure_sources_differ(sources: Sequence[GrantSource]) -> None:
    seen: set[Key] = set()
    for source in sources:
        if source_key(source) in seen:
            message = f"{source.from_type} {source.from_uuid} is there twice as a source"
            raise Refused(Code.DUPLICATE_SOURCE, message)
        seen.add(source_key(source))


def _ensure_source(source: GrantSource, state: SourceState) -> None:
    ensure_exists(source.from_type, source.from_uuid, exists=state.exists)
    if state.balance <= ZERO:
        message = f"{source.from_type} {source.from_uuid} has no balance above zero"
        raise Refused(Code.INSUFFICIENT_BALANCE, message)


def _ensure_destination(to: GrantDestination, state: AccountState) -> None:
    ensure_exists(account.NOUN, to.to_company_account_uuid, exists=state.exists)
    if state.company_uuid != to.to_company_uuid:
        message = (
            f"account {to.to_company_account_uuid} belongs to company {state.company_uuid}, "
            f"not to {to.to_company_uuid}"
        )
        raise Refused(Code.WRONG_COMPANY, message)
    account.ensure_active(state)


def _events(command: GrantBalances, drawn: Sequence[Drawn]) -> Sequence[StreamEvents]:
    through = grant_balance(command.grant_uuid)
    debits = [
        StreamEvents(_stream(source), (_debited(state, part, through),))
        for source, state, part in drawn
    ]
    return (_granted(command, drawn), *debits, *_credits(command.destinations, through))


def _stream(source: GrantSource) -> str:
    kind, uuid = source_key(source)
    return kind.stream(uuid)


def _debited(state: SourceState, amount: Decimal, through: str) -> Event:
    if isinstance(state, AssetState):
        return asset.debited(state, amount, reason=Reason.GRANT, counterparty=through)
    return company.debited(state, amount, reason=Reason.GRANT, counterparty=through)


def _credits(destinations: Iterable[GrantDestination], through: str) -> Sequence[StreamEvents]:
    """One credit for each destination; those of one account together, on its stream."""
    credited: dict[str, list[Event]] = {}
    for to in destinations:
        uuid = to.to_company_account_uuid
        credit = AccountCredited(
            account_uuid=uuid,
            amount=to_decimal(to.amount),
            reason=Reason.GRANT,
            counterparty=through,
        )
        credited.setdefault(uuid, []).append(credit)
    return [StreamEvents(Account.stream(uuid), tuple(made)) for uuid, made in credited.items()]


def _granted(command: GrantBalances, drawn: Sequence[Drawn]) -> StreamEvents:
    granted = BalancesGranted(
        grant_uuid=command.grant_uuid,
        sources=tuple(
            DrawnSource(from_type=source.from_type, from_uuid=source.from_uuid, amount=part)
            for source, _, part in drawn
        ),
        destinations=tuple(
            GrantedDestination(
                to_company_account_uuid=to.to_company_account_uuid,
                to_company_uuid=to.to_company_uuid,
                amount=to_decimal(to.amount),
            )
            for to in command.destinations
        ),
        text=command.text,
    )
    return StreamEvents(Grant.stream(command.grant_uuid), (granted,))


class GrantHandler(CommandHandler):
    """The actor that makes grants."""

    command = GrantBalances
    reads = staticmethod(reads)
    creates = staticmethod(creates)
    decide = staticmethod(decide)
