"""The daemon's main thread: start the tree, say what there is, wait, and stop it in order.

Exit status 0 after a stop that somebody asked for; 1 where the tree could not start or gave up,
for systemd to see.
"""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Sequence
from contextlib import suppress

import click
import structlog

from ledger_actors import processors
from ledger_actors.application import Application
from ledger_actors.daemon import collector
from ledger_actors.daemon.announce import announced, ready_lines
from ledger_actors.daemon.errors import LedgerError
from ledger_actors.daemon.signals import heard
from ledger_actors.daemon.translate import as_ledger_error
from ledger_actors.logs import configure_logging
from ledger_actors.settings import Settings
from ledger_actors.store.errors import StoreError
from supervision import ExitReason
from supervision.errors import SupervisionError

STOPPED = 0
FAILED = 1
IMPATIENT = 130

log = structlog.get_logger("ledger")


class Ending:
    """What the main thread waits for: a reason to stop. Set from any thread."""

    def __init__(self) -> None:
        self._come: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.asked = False
        self.gave_up: ExitReason | None = None
        self.application: Application | None = None

    def ask(self, why: str) -> None:
        """Somebody wants an ordered stop."""
        self.asked = True
        self._come.put(why)

    def on_signal(self, name: str) -> None:
        """A signal to stop, on the signals' thread. The second time nothing is waited for.

        But a terminal that is closed may say so twice, and nobody is impatient then.
        """
        if self.asked:
            if name == signal.SIGHUP.name:
                return
            os.write(2, b"Stopping at once; what was acknowledged is on disk.\n")
            os._exit(IMPATIENT)
        self.ask(name)
        if self.application is not None:
            self.application.begin_stop()

    def on_end(self, reason: ExitReason) -> None:
        """The root has ended: by our own stop, or because it gave up."""
        if not self.asked:
            self.gave_up = reason
        self._come.put("the tree has ended")

    def wait(self) -> str:
        """Wait; return why."""
        return self._come.get()


def run(settings: Settings) -> int:
    """Run the ledger until somebody stops it; return the exit status. In the main thread."""
    configure_logging(settings.log)
    spare = _choose_processors(settings.dispatcher.processors)
    ending = Ending()
    with heard(ending.on_signal):
        return _run(settings, ending, spare)


def _run(settings: Settings, ending: Ending, spare: Sequence[int]) -> int:
    try:
        application = Application(
            settings, on_stop_asked=lambda: ending.ask("stop"), spare_processors=spare
        )
        ending.application = application
        if ending.asked:  # before there was anybody to tell
            application.begin_stop()
        log.info("ledger.starting", folder=str(settings.data), env=settings.env)
        with announced(log):
            application.start()
            application.on_end(ending.on_end)
            collector.settle()
            _say_ready(application, settings)
    except (StoreError, SupervisionError, OSError) as problem:
        if ending.asked:  # to stop, while it came up
            return STOPPED
        click.echo(f"ledger-actors: {as_ledger_error(problem)}", err=True)
        return FAILED
    why = ending.wait()
    if ending.gave_up is None:
        log.info("ledger.stopping", why=why)
        application.stop()
        log.info("ledger.stopped")
        return STOPPED
    application.stop()
    log.error("ledger.gave_up", reason=str(ending.gave_up))
    return FAILED


def _choose_processors(count: int) -> Sequence[int]:
    """Before there is another thread. Where it cannot be done the daemon is slower, and runs."""
    try:
        return processors.keep_to(count)
    except OSError as problem:
        log.warning("ledger.processors_not_chosen", wanted=count, reason=str(problem))
        return ()


def _say_ready(application: Application, settings: Settings) -> None:
    try:
        status, tree = application.service.status(), application.service.tree()
    except (LedgerError, SupervisionError):  # it is ending already, and the main thread hears why
        return
    log.info(
        "ledger.ready", door=status.door, folder=status.folder, head=status.head, pid=status.pid
    )
    if settings.log.format == "console":
        with suppress(OSError):  # nobody reads any more; that is no reason to stop
            click.echo("\n".join(ready_lines(tree.text, status)), err=True)
