"""Command line: start, stop, shell, demo."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger_actors.daemon.output import with_ledger

if TYPE_CHECKING:
    from ledger_actors.ledger_api import Ledger

_DATA = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The data folder. Default: LEDGER_DATA, else ./data.",
)


@click.command("start")
@_DATA
@click.option(
    "--env",
    type=click.Choice(["dev", "test", "prod"]),
    help="Which settings. Default: LEDGER_ENV, else dev.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="The least severe that is logged. Default: the setting log.level.",
)
@click.option(
    "--log-format",
    type=click.Choice(["console", "json"]),
    help="For a person, or one JSON object a line. Default: the setting log.format.",
)
@click.option(
    "--take-terminal",
    is_flag=True,
    help="Keep Ctrl-C to itself, so that make, which started it, does not fail of it.",
)
def start_command(
    data: Path | None,
    env: str | None,
    log_level: str | None,
    log_format: str | None,
    take_terminal: bool,
) -> None:
    """Run the ledger in the foreground, until Ctrl-C, SIGTERM or `ledger-actors stop`.

    Exit status: 0 after an ordered stop; 1 where the tree gave up or could not start; 2 where the
    settings cannot be used.
    """
    from ledger_actors.daemon.foreground import run
    from ledger_actors.daemon.terminal import own_foreground
    from ledger_actors.settings import load_settings

    log = {key: value for key, value in (("level", log_level), ("format", log_format)) if value}
    settings = load_settings(data=data, env=env, log=log or None)
    with own_foreground() if take_terminal else nullcontext():
        raise SystemExit(run(settings))


@click.command("stop")
@with_ledger
def stop_command(ledger: Ledger) -> None:
    """Stop a running daemon in order, and wait until it has ended."""
    ledger.stop()
    click.echo("The ledger has stopped.")


@click.command("shell")
@_DATA
@click.option("--url", help="A daemon on the network, such as http://10.0.0.7:8420.")
@click.option("--token", envvar="LEDGER_ENDPOINT_TOKEN", help="The token that it wants.")
@click.option("--plain", is_flag=True, help="The standard shell, also where IPython is installed.")
def shell_command(data: Path | None, url: str | None, token: str | None, plain: bool) -> None:
    """A Python shell with `ledger` connected to the daemon."""
    from ledger_actors.daemon.shell import run_shell

    run_shell(data, url=url, token=token, plain=plain)


@click.command("demo")
@click.argument("name", required=False)
def demo_command(name: str | None) -> None:
    """Play a story of crashes and restarts; without a NAME, all of them.

    \b
    crash          an account crashes in the middle of commands
    late-fees      the late fees are killed between two events of a day's cycle
    missed-event   a projector is shown an event that is not the next one
    escalation     a child keeps crashing, until its supervisor gives up, and the next one up
    kill-9         the daemon is killed with -9 under load
    five-days      five business dates were missed

    Each ends with checks; exit status 1 where one does not hold.
    """
    from ledger_actors import demos

    raise SystemExit(demos.run(name))
