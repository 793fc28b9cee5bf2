"""Bring a file's schema up to date, or refuse a file that is ahead of this release."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlite_utils import Database, Migrations

from ledger_actors.store.errors import StoreTooNew

__all__ = ["check", "upgrade"]


def upgrade(connection: sqlite3.Connection, migrations: Migrations, *, path: Path | str) -> None:
    """Apply the steps that are missing, each in a transaction of its own.

    Raises:
        StoreTooNew: the file has steps that this release does not know. Nothing was changed.
    """
    check(connection, migrations, path=path)
    migrations.apply(_database(connection))


def check(connection: sqlite3.Connection, migrations: Migrations, *, path: Path | str) -> None:
    """Return if this release knows all of the file's schema.

    Raises:
        StoreTooNew: it does not.
    """
    db = _database(connection)
    applied = {step.name for step in migrations.applied(db)}
    unknown = applied - _names(migrations)
    if unknown:
        raise StoreTooNew(path, sorted(unknown))


def _names(migrations: Migrations) -> set[str]:
    """Return the names of all steps that this release knows: those an empty database lacks."""
    empty = Database(memory=True, execute_plugins=False)
    try:
        return {step.name for step in migrations.pending(empty)}
    finally:
        empty.close()


def _database(connection: sqlite3.Connection) -> Database:
    # Plugins are the user's, for the user's own databases; none may touch the events.
    return Database(connection, execute_plugins=False)
