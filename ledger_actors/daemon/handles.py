"""An actor, held by its name: what `ledger.actor(...)` gives."""

from __future__ import annotations

from typing import Any

import msgspec

from ledger_actors.daemon.connection import Connection
from ledger_actors.daemon.errors import NotSupported
from ledger_actors.daemon.messages import is_command, wire_message
from ledger_actors.daemon.protocol import ActorAction, ActorInfo, CommandAnswer
from ledger_actors.daemon.views import Events, Record, record
from ledger_actors.json_decoders import decoder_of


class ActorHandle:
    """One actor of the ledger, wherever it runs now. Looked up at each use."""

    def __init__(self, connection: Connection, name: str, id: str | None = None) -> None:  # noqa: A002 - the domain's word
        self._connection = connection
        self.name = name
        self.id = id

    def tell(self, message: Any) -> None:
        """Put a message into its mailbox and return at once.

        A message is a command (struct, or `{"type": ..., "data": ...}`), a question that the
        behaviours know (`ledger_actors.daemon.messages` lists them), or any other JSON value.

        Raises:
            ActorMissing: nobody has that name.
        """
        self._act("tell", message)

    def ask(self, message: Any, *, timeout: float = 10.0) -> Any:
        """The same, and wait for its answer; to a command, its events.

        Raises:
            Rejected: it said no.
            ActorCrashed: it ended while it handled this.
            TimedOut: no answer within `timeout` seconds.
        """
        answer = self._act("ask", message, timeout)
        if is_command(wire_message(message)):
            told = decoder_of(CommandAnswer)(msgspec.json.encode(answer))
            return Events(told.events, duplicate=told.duplicate)
        return record(answer)

    def state(self, *, as_of: int | None = None) -> Record:
        """An aggregate's state, now or as of an event id."""
        if self.id is None:
            raise NotSupported(f"{self.name} is no aggregate: info() tells what it is doing")
        found: Record = record(self._connection.state(self.name, self.id, as_of=as_of).state)
        return found

    def info(self) -> ActorInfo:
        """What it is doing: address, mailbox, restarts, last crash."""
        return self._connection.actor(self.name, self.id)

    def kill(self) -> None:
        """Kill it, as `Process.exit(pid, :kill)`: no clean-up of its own. See it come back."""
        self._act("kill")

    def crash(self, why: str = "crashed from the shell") -> None:
        """Make it crash at its next message. Its supervisor decides what becomes of it."""
        self._act("crash", why)

    def _act(self, action: Any, message: Any = None, timeout: float | None = None) -> Any:
        request = ActorAction(action, wire_message(message), timeout)
        return self._connection.act(self.name, self.id, request)

    def __repr__(self) -> str:
        where = self.name if self.id is None else f"{self.name}, {self.id}"
        return f"<actor {where}: tell, ask, state, info, kill, crash>"
