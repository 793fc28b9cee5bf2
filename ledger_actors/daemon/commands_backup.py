"""Command line: backup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger_actors.daemon.output import console

if TYPE_CHECKING:
    from ledger_actors.store.model import VerifyReport


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The data folder. Default: LEDGER_DATA, else ./data.",
)
@click.option("--verify/--no-verify", default=True, help="Whether the copy's chain is checked.")
def backup_command(folder: Path, data: Path | None, verify: bool) -> None:
    """Copy all events to a new data folder, FOLDER, and check the copy.

    A daemon may be running on the data folder, and goes on; the copy is of one moment. To restore,
    start a daemon on the copy: `ledger-actors start --data FOLDER`; its read models are made anew.

    Exit status 1 where the copy could not be made, or does not hold.
    """
    from ledger_actors.settings import load_settings
    from ledger_actors.store.backup_folder import backup_folder
    from ledger_actors.store.errors import StoreError

    source = load_settings(data=data).data
    try:
        backup_folder(source, folder)
        report = _checked(folder) if verify else None
    except StoreError as problem:
        click.echo(f"ledger-actors: {problem}", err=True)
        raise SystemExit(1) from problem
    click.echo(f"{folder} is a backup of {source}")
    if report is None:
        return
    for found in report.problems:
        click.echo(found.what)
    hold = f"the chain holds, the hash of event {report.head} is {report.head_hash}"
    click.echo(f"{report.events:,} events: {hold if report.ok else 'it does not hold'}")
    raise SystemExit(0 if report.ok else 1)


def _checked(folder: Path) -> VerifyReport:
    from ledger_actors.store import SqliteEventStore

    with (
        console().status("reading the copy") as status,
        SqliteEventStore(folder / "events.db", read_only=True) as copy,
    ):
        return copy.verify(lambda n, of: status.update(f"{n:,} of {of:,} events checked"))
