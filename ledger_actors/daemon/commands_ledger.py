"""Command line: send, state, events, import, verify."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ledger_actors.daemon.output import (
    console,
    json_option,
    print_event,
    print_json,
    print_record,
    with_ledger,
)

if TYPE_CHECKING:
    from ledger_actors.ledger_api import Ledger


@click.command("send")
@click.argument("command", metavar="COMMAND")
@click.argument("fields", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--command-id", help="Its id: the same id again gives the first answer.")
@click.option("--author", help="Who sends it; recorded with its events.")
@click.option("--correlation-id", help="What it belongs to; recorded with its events.")
@json_option
@with_ledger
def send_command(
    ledger: Ledger,
    command: str,
    fields: tuple[str, ...],
    as_json: bool,
    **told: str | None,
) -> None:
    """Send a command and print its events.

    FIELD=VALUE is a string, FIELD:=VALUE any JSON value. COMMAND may be a whole command as JSON,
    or - to read that from standard input.

    \b
    ledger-actors send RegisterCompany company_uuid=c-1 name=Acme
    ledger-actors send '{"type": "RegisterCompany", "data": {"company_uuid": "c-1", ...}}'
    ledger-actors commands OpenAccount            tells its fields
    """
    if command == "-" or command.lstrip().startswith("{"):
        wire = _whole_command(sys.stdin.read() if command == "-" else command, fields)
        events = ledger.send({**wire, **{key: value for key, value in told.items() if value}})
    else:
        events = ledger.send(command, **told, **_fields(fields))
    if as_json:
        print_json({"events": list(events), "duplicate": events.duplicate})
        return
    out = console()
    for event in events:
        print_event(event, to=out)
    if events.duplicate:
        out.print("A command with this id was sent before; this is its first answer.")


@click.command("state")
@click.argument("kind")
@click.argument("id")
@click.option("--as-of", type=click.IntRange(min=0), metavar="EVENT_ID", help="As of this event.")
@json_option
@with_ledger
def state_command(ledger: Ledger, kind: str, id: str, as_of: int | None, as_json: bool) -> None:  # noqa: A002 - the argument's name on the command line
    """Print an aggregate's state: `ledger-actors state account a-1 --as-of 12`.

    KIND is account, asset, company, deal, grant, payment, product or system.
    """
    state = ledger.state(kind, id, as_of=as_of)
    print_json(state) if as_json else print_record(state)


@click.command("events")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Begin after this event id.")
@click.option("--type", "types", multiple=True, help='Only these types; wildcards as in "Deal*".')
@click.option("--stream", help='Only this stream; wildcards as in "account-*".')
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@click.option("--follow", "-f", is_flag=True, help="Wait for those to come; Ctrl-C ends it.")
@json_option
@with_ledger
def events_command(ledger: Ledger, as_json: bool, **query: Any) -> None:
    """Print events, in order."""
    out = console()
    try:
        for event in ledger.events(**query):
            print_json(event) if as_json else print_event(event, to=out)
    except KeyboardInterrupt:
        return


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--mapping",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML that says which column is what, for CSV.",
)
@click.option("--batch", default="", help="A name that keeps equal lines of two files apart.")
@click.option("--window", type=click.IntRange(min=2), help="Commands under way at once.")
@with_ledger
def import_command(
    ledger: Ledger, file: Path, mapping: Path | None, batch: str, window: int | None
) -> None:
    """Take in a file: JSON Lines of commands, or CSV with a mapping.

    Can be stopped and run again: what is in already is found, and not doubled. Exit status: 0 all
    in, 1 lines were rejected, 2 the file or mapping cannot be used, 3 the ledger went away,
    130 interrupted.
    """
    from ledger_actors import importing

    try:
        summary = importing.run(
            ledger,
            file,
            mapping=mapping,
            batch=batch,
            window=window or importing.DEFAULT_WINDOW,
        )
    except importing.ImportingError as unusable:
        click.echo(f"ledger-actors: {unusable}", err=True)
        raise SystemExit(importing.UNUSABLE) from None
    raise SystemExit(summary.exit_status)


@click.command("verify")
@json_option
@with_ledger
def verify_command(ledger: Ledger, as_json: bool) -> None:
    """Check the hash chain: what was changed, removed or put in between.

    Reads every event, and says how far it is. Exit status 1 where something was found.
    """
    if as_json:
        report = ledger.verify()
        print_json(report)
    else:
        with console().status("reading") as status:
            report = ledger.verify(lambda n, of: status.update(f"{n:,} of {of:,} events checked"))
        click.echo(repr(report))
    raise SystemExit(0 if report.ok else 1)


def _fields(given: tuple[str, ...]) -> dict[str, Any]:
    return dict(_field(one) for one in given)


def _field(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals or not name:
        raise click.UsageError(f"a field is FIELD=VALUE or FIELD:=JSON, not {given!r}")
    if not name.endswith(":"):
        return name, value
    try:
        return name[:-1], msgspec.json.decode(value)
    except msgspec.DecodeError as wrong:
        raise click.UsageError(f"{name[:-1]}: {value!r} is not JSON: {wrong}") from None


def _whole_command(text: str, fields: tuple[str, ...]) -> dict[str, Any]:
    if fields:
        raise click.UsageError("a command given as JSON takes no more fields")
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as wrong:
        raise click.UsageError(f"this is no command in JSON: {wrong}") from None
