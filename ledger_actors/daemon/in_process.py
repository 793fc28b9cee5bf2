"""`Ledger.open`: the whole tree inside this process, behind the same interface as a daemon's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from ledger_actors.application import Application
from ledger_actors.daemon.local import LocalConnection
from ledger_actors.daemon.translate import as_ledger_error
from ledger_actors.logs import configure_logging
from ledger_actors.settings import LogSettings, Settings, load_settings
from ledger_actors.store.errors import StoreError
from supervision import SYSTEM_CLOCK, Clock
from supervision.errors import SupervisionError


def open_ledger(
    folder: Path | str | None,
    *,
    settings: Settings | None,
    clock: Clock | None,
    overrides: Mapping[str, Any],
) -> LocalConnection:
    """Start the tree and return the connection to it; closing that stops the tree.

    Raises:
        LedgerError: another process has the folder, or the tree cannot start.
        InvalidSettings: the settings cannot be used.
    """
    data = None if folder is None else Path(folder)
    settings = settings or load_settings(data=data, **overrides)
    restore_logs = _quiet_logs(settings)
    try:
        application = Application(settings, clock=clock or SYSTEM_CLOCK)
        application.start()
    except (StoreError, SupervisionError, OSError) as problem:
        restore_logs()
        raise as_ledger_error(problem) from problem

    def close() -> None:
        application.stop()
        restore_logs()

    address = f"{settings.data}, in this process"
    connection = LocalConnection(application.service, address=address, close=close)
    application.on_end(connection.tree_ended)
    return connection


def _quiet_logs(settings: Settings) -> Callable[[], None]:
    """In a program that has not said how it logs: warnings and worse, as the settings format."""
    if structlog.is_configured():
        return _nothing
    return configure_logging(LogSettings(level="warning", format=settings.log.format))


def _nothing() -> None:
    """The logs are the program's own."""
