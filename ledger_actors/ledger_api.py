"""`Ledger`: everything a person or a script does with the ledger, in process or with a daemon.

    from ledger_actors import connect, Ledger

    ledger = connect()                       # the daemon of ./data
    with Ledger.open("data") as ledger:      # the same tree inside this process
        ledger.send("OpenAccount", ...)

Both give the same object with the same answers and the same refusals (`LedgerError` and its
subclasses). All methods may be called from any thread, and block until they are answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ledger_actors.daemon import errors
from ledger_actors.daemon.client import HttpConnection
from ledger_actors.daemon.connection import Connection, EventQuery
from ledger_actors.daemon.errors import LedgerError
from ledger_actors.daemon.handles import ActorHandle
from ledger_actors.daemon.parked_protocol import AuditAnswer
from ledger_actors.daemon.parked_view import ParkedHandle
from ledger_actors.daemon.protocol import (
    CommandAnswer,
    EventRecord,
    StatusAnswer,
    TreeAnswer,
    VerifyAnswer,
)
from ledger_actors.daemon.requests import Sendable, command_request
from ledger_actors.daemon.sentences import show_sentences
from ledger_actors.daemon.target import Target
from ledger_actors.daemon.views import (
    CommandHelp,
    Commands,
    Events,
    Record,
    Records,
    record,
)

if TYPE_CHECKING:
    from ledger_actors.settings import Settings
    from supervision.clock import Clock

__all__ = ["Ledger", "connect"]


def connect(
    folder: Path | str | None = None, *, url: str | None = None, token: str | None = None
) -> Ledger:
    """The ledger of a running daemon.

    `folder` is its data folder; without one, that of the settings (`LEDGER_DATA`, else `data`).
    `url` and `token` reach a daemon whose door on the network is open.

    Raises:
        LedgerUnavailable: no daemon runs there; the sentence says what to type.
    """
    show_sentences()
    ledger = Ledger(HttpConnection(Target.of(folder, url=url, token=token)))
    ledger.status()
    return ledger


class Ledger:
    """One ledger. Made by `connect()` or by `Ledger.open(folder)`.

    What to try first:

        ledger.commands()                        what can be sent
        ledger.help("OpenAccount")               the fields of one command
        ledger.send("OpenAccount", ...)          send it: its events, or a refusal with a reason
        ledger.state("account", "a-1")           an aggregate's state; as_of=12: as it was then
        ledger.balances()                        read models: memberships, products, trial_balance
        ledger.events(follow=True)               what happens, as it happens
        ledger.tree(), ledger.status()           who runs, and how far everybody is
        ledger.parked(), ledger.audit()          what could not be processed; what was skipped
        ledger.actor("account", "a-1")           one actor: tell, ask, state, info, kill, crash

    Every refusal is a `LedgerError` (`ledger_actors.daemon.errors`) whose text is a sentence.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def open(
        cls,
        folder: Path | str | None = None,
        *,
        settings: Settings | None = None,
        clock: Clock | None = None,
        **overrides: Any,
    ) -> Ledger:
        """Start the whole tree inside this process, on the events in `folder`.

        Use it as a context manager, or `close()` it: that stops the tree in order. `overrides` are
        settings (`env="test"`); `clock` is where its actors read the time.

        Raises:
            LedgerError: another process has the folder, or the tree cannot start.
        """
        from ledger_actors.daemon.in_process import open_ledger

        show_sentences()
        return cls(open_ledger(folder, settings=settings, clock=clock, overrides=overrides))

    # -- commands ----------------------------------------------------------------------------------

    def send(
        self,
        command: Sendable,
        /,
        *,
        command_id: str | None = None,
        author: str | None = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        **fields: Any,
    ) -> Events:
        """Send one command and return its events, which are on disk then.

            ledger.send("DepositToAccount", account_uuid="a-1", amount="10.00")
            ledger.send(DepositToAccount(account_uuid="a-1", amount="10.00"))

        `ledger.commands()` lists the commands, `ledger.help(NAME)` tells the fields of one. The
        same `command_id` again returns the first answer and writes nothing.

        Raises:
            Rejected: the answer is no; its `code` says why for programs, its text for people.
            InvalidCommand: it is no command: a field is missing, unknown, or wrong.
            TimedOut, Conflict, StorageFull, LedgerUnavailable: see `ledger_actors.daemon.errors`.
        """
        request = command_request(
            command,
            fields,
            command_id=command_id,
            author=author,
            correlation_id=correlation_id,
            causation_id=causation_id,
        )
        answer = self._connection.send(request)
        return Events(answer.events, duplicate=answer.duplicate)

    def send_many(
        self, commands: Iterable[Sendable], *, window: int = 256
    ) -> Iterator[CommandAnswer | LedgerError]:
        """Send many commands in a pipeline; yield what came of each, in order.

        Each is a command struct, or a dict such as `{"type": "OpenAccount", "data": {...}}`. A
        refusal is a value here, since the others go on. At most `window` commands wait for their
        answer at once; `commands` is read in this thread, up to so many ahead. They are dispatched
        in order, so one may rest on one before it on the same stream.

        Raises:
            InvalidCommand: one of `commands` is none at all; those before it have been sent.
            LedgerUnavailable: the daemon went away; what was yielded is certain, the rest is not.
        """
        requests = (command_request(one, {}) for one in commands)
        return self._connection.send_many(requests, window=window)

    def commands(self) -> Commands:
        """The commands there are, each with a line about it."""
        return Commands(self._connection.commands())

    def help(self, command: str | None = None) -> Any:
        """Tell a command's fields, with an example; without a name, list the commands."""
        if command is None:
            return self.commands()
        known = self._connection.commands()
        for info in known:
            if info.type == command:
                return CommandHelp(info)
        raise errors.UnknownCommand(_unknown(command, [info.type for info in known]))

    # -- reading -----------------------------------------------------------------------------------

    def state(self, kind: str, id: str, *, as_of: int | None = None) -> Record:  # noqa: A002 - the domain's word
        """An aggregate's state, now or as of an event id: `ledger.state("asset", uuid, as_of=12)`.

        Raises:
            StreamMissing: there is no such aggregate (or was none then).
            EventIdAhead: that event has not happened yet.
        """
        found: Record = record(self._connection.state(kind, id, as_of=as_of).state)
        return found

    def memberships(self) -> Records:
        """Every company's membership."""
        return Records(record(self._connection.read("memberships")))

    def membership(self, company: str) -> Record:
        """A company's membership: rating tier, deal, activated. NotFound if it has none."""
        found: Record = record(self._connection.read("memberships", company))
        return found

    def balances(self) -> Records:
        """Every funding account with its balance."""
        return Records(record(self._connection.read("balances")))

    def balance(self, account: str) -> Record:
        """A funding account with its balance. NotFound if there is no such account."""
        found: Record = record(self._connection.read("balances", account))
        return found

    def products(self) -> Records:
        """Financial products with an outstanding balance."""
        return Records(record(self._connection.read("products")))

    def trial_balance(self) -> Record:
        """What came in, what went out, what is held: and that the sum over all is zero."""
        found: Record = record(self._connection.read("trial-balance"))
        return found

    def events(
        self,
        *,
        after: int = 0,
        up_to: int | None = None,
        types: Iterable[str] | str = (),
        stream: str | None = None,
        limit: int | None = None,
        follow: bool = False,
    ) -> Iterator[EventRecord]:
        """The events after an id, in order, one at a time, however many there are.

        `types` and `stream` may have wildcards ("Deal*", "account-*"). With `follow=True` it
        waits for those to come; Ctrl-C ends it.
        """
        names = (types,) if isinstance(types, str) else tuple(types)
        query = EventQuery(
            after=after, up_to=up_to, types=names, stream=stream, limit=limit, follow=follow
        )
        return self._connection.events(query)

    # -- the system --------------------------------------------------------------------------------

    def actor(self, name: str, id: str | None = None) -> ActorHandle:  # noqa: A002 - the domain's word
        """A handle on an actor: `ledger.actor("asset", uuid)`, `ledger.actor("membership")`.

        It is a name and not a reference: it is looked up at each use, so it survives restarts.
        `ledger.tree()` shows the names, and each may be written as it does: "account/a-1".
        """
        return ActorHandle(self._connection, *_as_two(name, id))

    def tree(self) -> TreeAnswer:
        """The supervision tree as it is now; its repr is a drawing, `.root` is data."""
        return self._connection.tree()

    def status(self) -> StatusAnswer:
        """Health at a glance: last event, consumers and how far behind they are, threads."""
        return self._connection.status()

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyAnswer:
        """Check every event against the hash chain; `progress(done, total)` is called meanwhile."""
        return self._connection.verify(progress)

    @property
    def parked(self) -> ParkedHandle:
        """Events that consumers could not process: `ledger.parked()` lists them.

        `ledger.parked.show(consumer, event_id)`, `.retry(...)`, `.discard(..., reason="...")`.
        """
        return ParkedHandle(self._connection)

    def audit(self, progress: Callable[[int, int], None] | None = None) -> AuditAnswer:
        """Compare what each consumer has processed with the log: what was skipped or doubled."""
        return self._connection.audit(progress)

    def stop(self) -> None:
        """Stop the ledger in order: the daemon, or the tree in this process."""
        self._connection.stop()

    def close(self) -> None:
        """Let go of it: a daemon goes on, a tree in this process is stopped in order."""
        self._connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Ledger at {self._connection.address}; ledger.help() lists the commands>"


def _as_two(name: str, id: str | None) -> tuple[str, str | None]:  # noqa: A002 - the domain's word
    """An actor's name as `actor` takes it, from how the tree and the logs write it."""
    kind, slash, rest = name.partition("/")
    if id is not None or not slash:
        return name, id
    return (rest, None) if kind in ("consumer", "handler") else (kind, rest)


def _unknown(command: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(command, list(known), n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; ledger.commands() lists them"
    return f"there is no command {command!r}{hint}"
