"""`make shell`: a Python shell in which `ledger` is connected to the daemon.

IPython where it is installed, else the standard one; tab completion in both. An error of the
ledger's is shown as its sentence, without a traceback.
"""

from __future__ import annotations

import code
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger_actors.daemon.client import HttpConnection
from ledger_actors.daemon.errors import LedgerError, LedgerUnavailable
from ledger_actors.daemon.sentences import sentence, show_sentences_in
from ledger_actors.daemon.target import Target
from ledger_actors.ledger_api import Ledger, connect

BANNER = """\
ledger is connected to {address}.

  ledger.commands()                            what can be sent; ledger.help("OpenAccount")
  ledger.send("OpenAccount", ...)              send it: its events, or why not
  ledger.state("account", "a-1", as_of=12)     as it was at event 12; without as_of: now
  ledger.balances(), .balance(id)              .memberships(), .products(), .trial_balance()
  for event in ledger.events(follow=True): print(event)
  ledger.tree(), ledger.status()               who runs, and how far everybody is
  ledger.parked(), ledger.audit()              what could not be processed; what was skipped
  ledger.actor("account", "a-1").crash("why")  and the next command finds it as it was

help(ledger) tells more; tab completes."""

NO_DAEMON = """\
{sentence}

`ledger` will find it once it runs. Or start the same tree inside this shell:

  with Ledger.open("data") as ledger: ...      or      ledger = Ledger.open("data")"""


def run_shell(
    folder: Path | None, *, url: str | None = None, token: str | None = None, plain: bool = False
) -> None:
    """Open the shell and return when it is left; a tree opened in it as `ledger` is stopped."""
    ledger, banner = _connected(folder, url, token)
    names: dict[str, Any] = {"ledger": ledger, "Ledger": Ledger, "connect": connect}
    names |= command_classes()
    try:
        start = _ipython() if not plain else None
        (start or plain_shell)(names, banner)
    finally:
        for held in {id(one): one for one in names.values() if isinstance(one, Ledger)}.values():
            held.close()


def command_classes() -> dict[str, Any]:
    """The commands as structs by their names, so that `ledger.send(OpenAccount(...))` works."""
    from ledger_actors.application import command_types

    return command_types()


def _connected(folder: Path | None, url: str | None, token: str | None) -> tuple[Ledger, str]:
    target = Target.of(folder, url=url, token=token)
    ledger = Ledger(HttpConnection(target))
    try:
        ledger.status()
    except LedgerUnavailable as gone:
        return ledger, NO_DAEMON.format(sentence=gone)
    return ledger, BANNER.format(address=target)


def _ipython() -> Callable[[dict[str, Any], str], None] | None:
    return ipython_shell if importlib.util.find_spec("IPython") else None


def ipython_shell(names: dict[str, Any], banner: str) -> None:
    """IPython's, with our errors as sentences."""
    from IPython.terminal.interactiveshell import TerminalInteractiveShell

    shell = TerminalInteractiveShell.instance(user_ns=names, banner1=banner + "\n")
    show_sentences_in(shell)
    shell.show_banner()
    shell.mainloop()


def plain_shell(names: dict[str, Any], banner: str) -> None:
    """The standard one, with tab completion where readline is."""
    if importlib.util.find_spec("readline"):
        import readline
        import rlcompleter

        readline.set_completer(rlcompleter.Completer(names).complete)
        readline.parse_and_bind("tab: complete")
    names.setdefault("__name__", "__console__")
    LedgerConsole(names).interact(banner=banner, exitmsg="")


class LedgerConsole(code.InteractiveConsole):
    """Shows an error of the ledger's as its sentence."""

    def showtraceback(self) -> None:
        """Show the exception being handled."""
        problem = sys.exc_info()[1]
        if isinstance(problem, LedgerError):
            self.write(sentence(problem) + "\n")
        else:
            super().showtraceback()
