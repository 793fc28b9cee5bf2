"""The client's side of the door: one method, one HTTP request; over httpx, commands over h11.

Everything that can go wrong with a daemon (none there, stopping, killed in the middle) is a
`LedgerUnavailable` with a sentence; whatever the daemon refuses is raised as it was meant.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from ledger_actors.command_ids import new_command_id
from ledger_actors.daemon.connection import CommandRequest, EventQuery
from ledger_actors.daemon.errors import (
    BadRequest,
    Incompatible,
    InvalidCommand,
    LedgerUnavailable,
    TimedOut,
)
from ledger_actors.daemon.kept_sockets import KeptSockets
from ledger_actors.daemon.parked_protocol import (
    AuditAnswer,
    AuditLine,
    ParkedAction,
    ParkedAnswer,
    ParkedEvent,
)
from ledger_actors.daemon.pipeline import CommandPipeline, Outcome
from ledger_actors.daemon.protocol import (
    JSON,
    ActorAction,
    ActorInfo,
    CommandAnswer,
    CommandInfo,
    ErrorBody,
    EventLine,
    EventRecord,
    StateAnswer,
    StatusAnswer,
    TreeAnswer,
    VerifyAnswer,
    VerifyLine,
)
from ledger_actors.daemon.target import ANSWER_SECONDS, CONNECT_SECONDS, Target
from ledger_actors.json_decoders import decoder_of

T = TypeVar("T")
RESTART_SECONDS = 15.0
"""How long a client waits for the door of a process that is alive: it may be restarting."""

STOP_SECONDS = 60.0
_LOOK_SECONDS = 0.05


class HttpConnection:
    """A daemon, seen through its door. Thread-safe; keeps its connections.

    While the daemon's process lives, its door may be away for a moment: it closes and opens again
    when the journal below it is restarted. A request that can be repeated (a question, or a
    command with an id, which every command gets here) waits for it and is repeated.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._client: httpx.Client | None = None
        self._kept = KeptSockets(target)

    @property
    def address(self) -> str:
        """Where the daemon is."""
        return str(self._target)

    def send(self, command: CommandRequest) -> CommandAnswer:
        """One command, one answer."""
        if command.command_id is None:
            command = msgspec.structs.replace(command, command_id=new_command_id())
        body = msgspec.json.encode(command)

        def attempt() -> bytes:
            status, answer = self._kept.post("/v1/commands", body)
            raise_refusal(status, answer)
            return answer

        return _decode(self._patiently(attempt), CommandAnswer)

    def send_many(self, commands: Iterable[CommandRequest], *, window: int) -> Iterator[Outcome]:
        """Many commands on a connection of their own; see `CommandPipeline`.

        When the door was away, what is not answered is sent again, if all of it has ids.
        """
        unanswered: deque[CommandRequest] = deque()
        rest = _noted(commands, unanswered)
        while True:
            pipeline = CommandPipeline(self._connect(), self._target.headers())
            try:
                for outcome in pipeline.run(chain(tuple(unanswered), rest), window=window):
                    unanswered.popleft()
                    yield outcome
            except LedgerUnavailable:
                if not self._may_repeat(unanswered):
                    raise
            else:
                return

    def commands(self) -> tuple[CommandInfo, ...]:
        """The commands there are."""
        return self._call("GET", "/v1/commands", tuple[CommandInfo, ...])

    def state(self, kind: str, id: str, *, as_of: int | None) -> StateAnswer:  # noqa: A002 - the domain's word
        """The state of an aggregate."""
        params = {} if as_of is None else {"as_of": str(as_of)}
        return self._call("GET", _path("streams", kind, id), StateAnswer, params=params)

    def events(self, query: EventQuery) -> Iterator[EventRecord]:
        """Events as they lie in the store; with `follow`, those to come too, until closed.

        Where the door was away for a moment, it goes on behind the last event that it had.
        """
        while True:
            try:
                for event in self._events(query):
                    query = _behind(event, query)
                    yield event
            except LedgerUnavailable:
                if not self._target.may_come_back():
                    raise
                self._connect().close()
            else:
                return

    def _events(self, query: EventQuery) -> Iterator[EventRecord]:
        decode = decoder_of(EventLine)
        timeout = httpx.Timeout(CONNECT_SECONDS, read=ANSWER_SECONDS)
        with self._stream("/v1/events", params=_params(query), timeout=timeout) as lines:
            for line in filter(None, lines):
                told = decode(line)
                if told.error is not None:
                    raise ErrorBody(told.error).exception()
                if told.event is not None:
                    yield told.event

    def read(self, model: str, key: str | None = None) -> Any:
        """A read model's rows, or one of them."""
        return self._call("GET", _path(model, key), object)

    def tree(self) -> TreeAnswer:
        """The supervision tree."""
        return self._call("GET", "/v1/tree", TreeAnswer)

    def status(self) -> StatusAnswer:
        """Health at a glance."""
        return self._call("GET", "/v1/status", StatusAnswer)

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyAnswer:
        """Read the hash chain from the first row to the last, on the daemon's side."""
        report: VerifyAnswer = self._report("/v1/verify", VerifyLine, progress)
        return report

    def audit(self, progress: Callable[[int, int], None] | None = None) -> AuditAnswer:
        """Compare what each consumer has processed with the log, on the daemon's side."""
        report: AuditAnswer = self._report("/v1/audit", AuditLine, progress)
        return report

    def parked(self, consumer: str | None = None) -> tuple[ParkedEvent, ...]:
        """What consumers, or one of them, have put aside."""
        params = {} if consumer is None else {"consumer": consumer}
        return self._call("GET", "/v1/parked", tuple[ParkedEvent, ...], params=params)

    def parked_event(self, consumer: str, event_id: int) -> ParkedEvent:
        """One of those, with its traceback."""
        return self._call("GET", _path("parked", consumer, str(event_id)), ParkedEvent)

    def act_on_parked(self, consumer: str, event_id: int, action: ParkedAction) -> ParkedAnswer:
        """Retry it and those behind it, or discard it."""
        body, path = msgspec.json.encode(action), _path("parked", consumer, str(event_id))
        return self._call("POST", path, ParkedAnswer, body=body)

    def actor(self, name: str, id: str | None) -> ActorInfo:  # noqa: A002 - the domain's word
        """What an actor is doing."""
        return self._call("GET", _path("actors", name, id), ActorInfo)

    def act(self, name: str, id: str | None, action: ActorAction) -> Any:  # noqa: A002 - the domain's word
        """Tell, ask, kill or crash an actor."""
        try:
            body = msgspec.json.encode(action)
        except (TypeError, ValueError) as wrong:
            raise InvalidCommand(f"this cannot be sent to another process: {wrong}") from None
        return self._call("POST", _path("actors", name, id), object, body=body)

    def stop(self) -> None:
        """Ask for an ordered stop and return when the daemon has ended; TimedOut if it does not."""
        self._call("POST", "/v1/stop", object)
        self.close()
        deadline = time.monotonic() + STOP_SECONDS
        while self._is_there():
            if time.monotonic() > deadline:
                raise TimedOut(f"the ledger at {self._target} is still stopping")
            time.sleep(_LOOK_SECONDS)

    def close(self) -> None:
        """Close the connections; the daemon goes on."""
        if self._client is not None:
            self._client.close()
            self._client = None
        self._kept.close()

    def _call(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: bytes | None = None,
        params: Mapping[str, str] | None = None,
    ) -> T:
        headers = {"Content-Type": JSON} if body is not None else None

        def request() -> httpx.Response:
            with self._unavailable():
                response = self._http().request(
                    method, path, content=body, params=params, headers=headers
                )
            raise_refusal(response.status_code, response.content)
            return response

        return _decode((self._patiently(request) if method == "GET" else request()).content, kind)

    def _report(
        self,
        path: str,
        kind: type[VerifyLine | AuditLine],
        progress: Callable[[int, int], None] | None,
    ) -> Any:
        """What the last line of an answer with progress says."""
        with self._stream(path, timeout=httpx.Timeout(CONNECT_SECONDS, read=None)) as lines:
            for line in filter(None, lines):
                told = decoder_of(kind)(line)
                if told.error is not None:
                    raise ErrorBody(told.error).exception()
                if told.report is not None:
                    return told.report
                if progress is not None and told.checked is not None:
                    progress(told.checked, told.total or told.checked)
        raise self._target.gone()

    def _is_there(self) -> bool:
        if self._target.url is None:
            return self._target.may_come_back()
        try:
            self._target.connect().close()
        except LedgerUnavailable:
            return False
        return True

    def _connect(self) -> socket.socket:
        return self._patiently(self._target.connect)

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """What `attempt` gives, tried again while a daemon that is alive has no door."""
        deadline = time.monotonic() + RESTART_SECONDS
        while True:
            try:
                return attempt()
            except LedgerUnavailable:
                if not self._target.may_come_back() or time.monotonic() > deadline:
                    raise
            time.sleep(_LOOK_SECONDS)

    def _may_repeat(self, unanswered: Iterable[CommandRequest]) -> bool:
        return self._target.may_come_back() and all(one.command_id for one in unanswered)

    @contextmanager
    def _stream(
        self, path: str, *, timeout: httpx.Timeout, params: Mapping[str, str] | None = None
    ) -> Iterator[Iterator[str]]:
        with (
            self._unavailable(),
            self._http().stream("GET", path, params=params, timeout=timeout) as response,
        ):
            if response.status_code >= 400:
                raise_refusal(response.status_code, response.read())
            yield response.iter_lines()

    def _http(self) -> httpx.Client:
        if self._client is None:
            self._client = self._target.client()
        return self._client

    @contextmanager
    def _unavailable(self) -> Iterator[None]:
        try:
            yield
        except httpx.ReadTimeout as late:
            raise self._target.late() from late
        except httpx.TransportError as gone:
            self.close()
            raise self._target.gone() from gone


def _behind(event: EventRecord, query: EventQuery) -> EventQuery:
    left = None if query.limit is None else query.limit - 1
    return msgspec.structs.replace(query, after=event.id, limit=left)


def _noted(
    commands: Iterable[CommandRequest], sent: deque[CommandRequest]
) -> Iterator[CommandRequest]:
    for command in commands:
        sent.append(command)
        yield command


def raise_refusal(status: int, body: bytes) -> None:
    """Raise what an answer that is no success means; return for a success."""
    if status < 400:
        return
    try:
        refusal = decoder_of(ErrorBody)(body)
    except msgspec.DecodeError:
        said = body[:200].decode(errors="replace")
        raise Incompatible(f"what answers there is no ledger: HTTP {status}: {said}") from None
    raise refusal.exception()


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return decoder_of(kind)(body)
    except msgspec.DecodeError as wrong:
        raise Incompatible(f"the daemon's answer is not understood here: {wrong}") from wrong


def _path(*parts: str | None) -> str:
    if "" in parts:
        raise BadRequest("a kind, a name or an id is a non-empty string, not ''")
    return "/v1/" + "/".join(quote(part, safe="") for part in parts if part is not None)


def _params(query: EventQuery) -> dict[str, str]:
    told: dict[str, str] = {"after": str(query.after)}
    for name, value in (("up_to", query.up_to), ("limit", query.limit), ("stream", query.stream)):
        if value is not None:
            told[name] = str(value)
    if query.types:
        told["types"] = ",".join(query.types)
    if query.follow:
        told["follow"] = "true"
    return told
