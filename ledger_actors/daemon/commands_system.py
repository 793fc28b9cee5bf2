"""Command line: status, tree, commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from ledger_actors.daemon.output import (
    console,
    json_option,
    print_json,
    print_record,
    print_rows,
    with_ledger,
)

if TYPE_CHECKING:
    from ledger_actors.ledger_api import Ledger


@click.command("status")
@json_option
@with_ledger
def status_command(ledger: Ledger, as_json: bool) -> None:
    """Health at a glance: last event, consumers and how far behind they are, threads."""
    status = ledger.status()
    if as_json:
        print_json(status)
        return
    told = msgspec.structs.asdict(status)
    consumers = [msgspec.structs.asdict(one) for one in told.pop("consumers")]
    for trouble in ("parked", "failing", "stopped_because"):  # a column each, where there is any
        if not any(one[trouble] for one in consumers):
            for one in consumers:
                del one[trouble]
    print_record(told)
    print_rows(consumers, title="consumers")


@click.command("tree")
@json_option
@with_ledger
def tree_command(ledger: Ledger, as_json: bool) -> None:
    """The supervision tree as it is now: who runs, mailboxes, restarts, last crashes."""
    tree = ledger.tree()
    print_json(tree.root) if as_json else console().print(tree.text, markup=False)


@click.command("commands")
@click.argument("name", required=False)
@json_option
@with_ledger
def commands_command(ledger: Ledger, name: str | None, as_json: bool) -> None:
    """The commands that can be sent; with a NAME, the fields of one."""
    if as_json:
        known = [info for info in ledger.commands() if name in (None, info.type)]
        print_json(known)
    else:
        console().print(repr(ledger.help(name)), markup=False)
