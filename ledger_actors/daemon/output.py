"""What the command line prints: for a person, or JSON for a program with `--json`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ledger_actors.daemon.views import cell

if TYPE_CHECKING:
    from rich.console import Console

Decorated = Callable[..., Any]


def with_ledger(function: Decorated) -> Decorated:
    """A command that gets a connected `ledger`, found by --data, or by --url and --token."""

    @click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        help="The daemon's data folder. Default: LEDGER_DATA, else ./data.",
    )
    @click.option("--url", help="A daemon on the network, such as http://10.0.0.7:8420.")
    @click.option("--token", envvar="LEDGER_ENDPOINT_TOKEN", help="The token that it wants.")
    @wraps(function)
    def connected(
        *args: Any, data: Path | None, url: str | None, token: str | None, **kwargs: Any
    ) -> Any:
        from ledger_actors.ledger_api import connect

        with connect(data, url=url, token=token) as ledger:
            return function(ledger, *args, **kwargs)

    return connected


def json_option(function: Decorated) -> Decorated:
    """`--json`: one JSON value a line, for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(
        function
    )


def console() -> Console:
    """A console on standard output; where that is no terminal, plain and never cut."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """One line of JSON."""
    click.echo(msgspec.json.encode(value).decode())


def print_record(row: Mapping[str, Any]) -> None:
    """One row or state, a line for each field."""
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="cyan")
    table.add_column()
    for key, value in row.items():
        table.add_row(key, _escape(cell(value)))
    console().print(table)


def print_rows(rows: Iterable[Mapping[str, Any]], *, title: str) -> None:
    """Rows as a table."""
    from rich.table import Table

    listed = list(rows)
    columns = list(dict.fromkeys(key for row in listed for key in row))
    table = Table(*columns, title=title, box=None, pad_edge=False, title_justify="left")
    for row in listed:
        table.add_row(*(_escape(cell(row.get(column))) for column in columns))
    console().print(table)


def print_event(event: Any, *, to: Console) -> None:
    """One event on one line."""
    data = " ".join(f"{key}={cell(value)}" for key, value in event.data.items())
    to.print(
        f"[bold]#{event.id}[/] [green]{_escape(event.type)}[/] "
        f"[cyan]{_escape(event.stream)}[/] v{event.version}  {_escape(data)}"
    )


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
