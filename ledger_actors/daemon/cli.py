"""The command line: `ledger-actors`, one verb a command.

Exit status: 0 done; 1 refused or failed, with a sentence on standard error; 2 wrong usage or
settings; 3 no ledger answers.
"""

from __future__ import annotations

import importlib
import sys
from difflib import get_close_matches
from typing import Any

import click

from ledger_actors._version import __version__

COMMANDS = {
    "start": "commands_run",
    "stop": "commands_run",
    "shell": "commands_run",
    "demo": "commands_run",
    "send": "commands_ledger",
    "state": "commands_ledger",
    "events": "commands_ledger",
    "import": "commands_ledger",
    "backup": "commands_backup",
    "verify": "commands_ledger",
    "audit": "commands_parked",
    "parked": "commands_parked",
    "status": "commands_system",
    "tree": "commands_system",
    "commands": "commands_system",
}
"""Which module has which command; it is loaded when its command is used."""

UNAVAILABLE_STATUS = 3


class LedgerCommands(click.Group):
    """Loads a command's module when it is needed, and turns our errors into a sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One verb; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ledger_actors.daemon.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that was typed; a usage error names the nearest one."""
        near = get_close_matches(args[0], COMMANDS, n=1) if args else []
        if near and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"there is no command {args[0]!r}; did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb."""
        from ledger_actors.daemon.errors import LedgerError, LedgerUnavailable
        from ledger_actors.settings_layers import InvalidSettings

        try:
            return super().invoke(ctx)
        except InvalidSettings as wrong:
            click.echo(f"ledger-actors: the settings cannot be used:\n{wrong}", err=True)
            ctx.exit(2)
        except LedgerError as refusal:
            click.echo(f"ledger-actors: {refusal}", err=True)
            gone = isinstance(refusal, LedgerUnavailable)
            ctx.exit(UNAVAILABLE_STATUS if gone else 1)


@click.group(
    cls=LedgerCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="ledger-actors")
def cli() -> None:
    """An event-sourced ledger that keeps running.

    \b
    ledger-actors start                       run the ledger on ./data, in the foreground
    ledger-actors shell                       a Python shell with `ledger` connected to it
    ledger-actors commands                    what can be sent
    ledger-actors send OpenAccount ...        send a command, see its events
    ledger-actors state account a-1           an aggregate's state, now or as of an event
    ledger-actors events --follow             watch what happens
    ledger-actors parked list                 events that could not be processed
    ledger-actors backup ../copy              a copy that a daemon can be started on
    ledger-actors demo                        stories of crashes and restarts

    Every command has --help. The folder is --data, else LEDGER_DATA, else ./data.
    """


def main() -> None:
    """The console script."""
    try:
        cli.main(prog_name="ledger-actors")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
