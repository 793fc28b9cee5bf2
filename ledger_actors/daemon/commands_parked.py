"""Command line: parked, audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ledger_actors.daemon.output import (
    console,
    json_option,
    print_json,
    print_rows,
    with_ledger,
)

if TYPE_CHECKING:
    from ledger_actors.daemon.parked_protocol import ParkedAnswer
    from ledger_actors.ledger_api import Ledger

_CONSUMER = click.argument("consumer")
_EVENT_ID = click.argument("event_id", type=click.IntRange(min=1))


@click.group("parked")
def parked_command() -> None:
    """Events that a projector or process manager could not process, and those behind them.

    \b
    ledger-actors parked list
    ledger-actors parked show trial_balance 57        with the traceback
    ledger-actors parked retry trial_balance 57       it, and those behind it, in order
    ledger-actors parked discard trial_balance 57 --reason "entered twice; see 61"
    """


@parked_command.command("list")
@click.option("--consumer", help="Of this one alone.")
@json_option
@with_ledger
def list_command(ledger: Ledger, consumer: str | None, as_json: bool) -> None:
    """List what is parked."""
    from ledger_actors.daemon.parked_view import rows

    found = ledger.parked(consumer)
    if as_json:
        for one in found:
            print_json(one)
    elif found:
        print_rows(rows(found), title="parked events")
    else:
        click.echo("nothing is parked")


@parked_command.command("show")
@_CONSUMER
@_EVENT_ID
@json_option
@with_ledger
def show_command(ledger: Ledger, consumer: str, event_id: int, as_json: bool) -> None:
    """Show a parked event with the traceback of its last attempt."""
    found = ledger.parked.show(consumer, event_id)
    print_json(found) if as_json else click.echo(repr(found))


@parked_command.command("retry")
@_CONSUMER
@_EVENT_ID
@json_option
@with_ledger
def retry_command(ledger: Ledger, consumer: str, event_id: int, as_json: bool) -> None:
    """Process a parked event and those behind it, in order. Exit status 1 if one fails."""
    _tell(ledger.parked.retry(consumer, event_id), as_json)


@parked_command.command("discard")
@_CONSUMER
@_EVENT_ID
@click.option("--reason", required=True, help="Why; it is recorded.")
@click.option("--author", help="Who; it is recorded. Default: who is logged in.")
@json_option
@with_ledger
def discard_command(
    ledger: Ledger,
    consumer: str,
    event_id: int,
    reason: str,
    author: str | None,
    as_json: bool,
) -> None:
    """Leave an event out of a read model, or unanswered, for ever; process those behind it."""
    _tell(ledger.parked.discard(consumer, event_id, reason=reason, author=author), as_json)


@click.command("audit")
@json_option
@with_ledger
def audit_command(ledger: Ledger, as_json: bool) -> None:
    """Check that each consumer has processed each event that it wants, once.

    Names the range where one was skipped or processed twice. Exit status 1 where something was
    found.
    """
    if as_json:
        report = ledger.audit()
        print_json(report)
    else:
        with console().status("reading") as status:
            report = ledger.audit(lambda n, of: status.update(f"{n:,} of {of:,} events read"))
        click.echo(repr(report))
    raise SystemExit(0 if report.ok else 1)


def _tell(answer: ParkedAnswer, as_json: bool) -> None:
    print_json(answer) if as_json else click.echo(repr(answer))
    raise SystemExit(0 if answer.error is None else 1)
