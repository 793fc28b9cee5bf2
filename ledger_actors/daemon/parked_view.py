"""What `ledger.parked` gives: events that consumers could not process, and what to do with them."""

from __future__ import annotations

import getpass
from collections.abc import Iterable

from msgspec.structs import asdict

from ledger_actors.daemon.connection import Connection
from ledger_actors.daemon.parked_protocol import ParkedAction, ParkedAnswer, ParkedEvent
from ledger_actors.daemon.views import table

COLUMNS = ("consumer", "event_id", "state", "type", "stream", "attempts", "error")


class ParkedList(tuple[ParkedEvent, ...]):
    """Parked events, shown as a table."""

    def __repr__(self) -> str:
        return "\n".join(table(rows(self))) if self else "(nothing is parked)"


class ParkedHandle:
    """The parked events of a ledger: `ledger.parked()` lists them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, consumer: str | None = None) -> ParkedList:
        """Return what consumers, or one of them, have put aside."""
        return ParkedList(self._connection.parked(consumer))

    def show(self, consumer: str, event_id: int) -> ParkedEvent:
        """Return one of them, with its traceback. NotFound if it is not parked."""
        return self._connection.parked_event(consumer, event_id)

    def retry(self, consumer: str, event_id: int) -> ParkedAnswer:
        """Process it, and those behind it of the same key, in order, until one fails.

        A consumer that has stopped at it is started again.
        """
        return self._connection.act_on_parked(consumer, event_id, ParkedAction("retry"))

    def discard(
        self, consumer: str, event_id: int, *, reason: str, author: str | None = None
    ) -> ParkedAnswer:
        """Have the consumer leave the event out, for ever, and process those behind it.

        That is an event itself, with the reason and the author: who is logged in, unless given.
        """
        action = ParkedAction("discard", reason, author or getpass.getuser())
        return self._connection.act_on_parked(consumer, event_id, action)

    def __repr__(self) -> str:
        return repr(self())


def rows(events: Iterable[ParkedEvent]) -> list[dict[str, object]]:
    """Return parked events as the rows of a table."""
    return [{name: asdict(event)[name] for name in COLUMNS} for event in events]
