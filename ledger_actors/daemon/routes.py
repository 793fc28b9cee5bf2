"""The door's paths: an HTTP request in, one call of the service, JSON out.

Nothing here blocks the event loop: what may read the disk runs on a worker thread, and what an
actor answers comes back by its future.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ExceptionHandler

from ledger_actors.daemon.command_stream import CommandStream
from ledger_actors.daemon.contract import Service
from ledger_actors.daemon.errors import BadRequest, LedgerError, NotFound, RequestTimedOut
from ledger_actors.daemon.event_stream import events_response, verify_response
from ledger_actors.daemon.http_answers import (
    answered,
    blocking,
    body_of,
    check_protocol,
    decoded,
    get,
    number,
    post,
)
from ledger_actors.daemon.limits import is_too_deep
from ledger_actors.daemon.metrics import prometheus
from ledger_actors.daemon.open_streams import OpenStreams
from ledger_actors.daemon.parked_routes import ParkedDoor
from ledger_actors.daemon.protocol import MAX_DEPTH, NDJSON, ActorAction, ErrorBody
from ledger_actors.daemon.single_commands import SingleCommands
from ledger_actors.daemon.translate import as_ledger_error

T = TypeVar("T")
_PATIENT_CALLS = 32
"""Threads for what waits for somebody: an actor, a projector, the whole chain being read. They are
not those of commands and of `status`, which nobody's waiting keeps from being answered."""


def build_app(service: Service, streams: OpenStreams) -> Starlette:
    """The ASGI application of one door."""
    door = Door(service, streams)
    handlers: dict[Any, ExceptionHandler] = {
        HTTPException: _http_error,
        LedgerError: _refused,
        Exception: _refused,
    }
    return Starlette(routes=door.routes(), exception_handlers=handlers)


class Door:
    """The handlers. One for a running endpoint; every method runs on its loop."""

    def __init__(self, service: Service, streams: OpenStreams) -> None:
        self._service = service
        self._streams = streams
        self._patience = CapacityLimiter(_PATIENT_CALLS)
        self._singles = SingleCommands(service, streams)

    def routes(self) -> list[Route]:
        """The paths of protocol.py. Read models last: their names are the service's."""
        return [
            post("/v1/commands", self.send),
            get("/v1/commands", self.commands),
            get("/v1/commands/{name}", self.command),
            get("/v1/streams/{kind}/{id}", self.state),
            get("/v1/events", self.events),
            get("/v1/tree", self.tree),
            get("/v1/status", self.status),
            get("/v1/verify", self.verify),
            *ParkedDoor(self._service, self._streams, self._patience).routes(),
            get("/v1/actors/{name}", self.actor),
            get("/v1/actors/{name}/{id}", self.actor),
            post("/v1/actors/{name}", self.act),
            post("/v1/actors/{name}/{id}", self.act),
            post("/v1/stop", self.stop),
            get("/metrics", self.metrics),
            get("/v1/{model}", self.read),
            get("/v1/{model}/{key}", self.read),
        ]

    async def send(self, request: Request) -> Any:
        """One command, or many in one request."""
        check_protocol(request)
        if request.headers.get("content-type", "").startswith(NDJSON):
            stream = CommandStream(self._service, self._singles.are_coming)
            return self._streams.guard(stream, stream.close)
        return answered(await self._singles.send(await body_of(request)))

    async def commands(self, request: Request) -> Response:
        """The commands there are."""
        check_protocol(request)
        return answered(await blocking(self._service.commands))

    async def command(self, request: Request) -> Response:
        """One command with its fields."""
        name = request.path_params["name"]
        for info in await blocking(self._service.commands):
            if info.type == name:
                return answered(info)
        raise NotFound(f"there is no command {name!r}; GET /v1/commands lists them")

    async def state(self, request: Request) -> Response:
        """The state of an aggregate, now or as of an event id."""
        check_protocol(request)
        as_of = number(request, "as_of")
        kind, id_ = request.path_params["kind"], request.path_params["id"]
        return answered(await self._patiently(lambda: self._service.state(kind, id_, as_of=as_of)))

    async def events(self, request: Request) -> Response:
        """Events as NDJSON, to the end or for as long as the client listens."""
        check_protocol(request)
        return events_response(self._service, self._streams, request)

    async def read(self, request: Request) -> Response:
        """A read model, or one of its rows."""
        check_protocol(request)
        model, key = request.path_params["model"], request.path_params.get("key")
        if model not in self._service.models():
            raise NotFound(f"there is nothing at {request.url.path}")
        return answered(await self._patiently(lambda: self._service.read(model, key)))

    async def tree(self, request: Request) -> Response:
        """The supervision tree as data and as text; only the text where that is preferred."""
        check_protocol(request)
        tree = await blocking(self._service.tree)
        if request.headers.get("accept", "").startswith("text/plain"):
            return PlainTextResponse(tree.text + "\n")
        return answered(tree)

    async def status(self, request: Request) -> Response:
        """Health at a glance."""
        check_protocol(request)
        return answered(await blocking(self._service.status))

    async def metrics(self, _request: Request) -> Response:
        """The same numbers for Prometheus."""
        status = await blocking(self._service.status)
        return PlainTextResponse(prometheus(status), media_type="text/plain; version=0.0.4")

    async def verify(self, request: Request) -> Response:
        """The hash chain, with progress."""
        check_protocol(request)
        return verify_response(self._service, self._streams, self._patience)

    async def actor(self, request: Request) -> Response:
        """What an actor is doing."""
        name, id_ = request.path_params["name"], request.path_params.get("id")
        return answered(await self._patiently(lambda: self._service.actor(name, id_)))

    async def act(self, request: Request) -> Response:
        """Tell, ask, kill or crash an actor."""
        check_protocol(request)
        action = decoded(await body_of(request), ActorAction)
        if is_too_deep(action.message):
            raise BadRequest(f"a message may be nested {MAX_DEPTH} deep; this one is deeper")
        name, id_ = request.path_params["name"], request.path_params.get("id")
        return answered(await self._patiently(lambda: self._service.act(name, id_, action)))

    async def stop(self, request: Request) -> Response:
        """An ordered stop: agreed to now, done after this answer."""
        check_protocol(request)
        self._service.stop()
        return answered({"stopping": True}, status=202)

    async def _patiently(self, call: Callable[[], T]) -> T:
        """`blocking`, for what may wait for somebody."""
        return await blocking(call, self._patience)


async def _refused(_request: Request, problem: Exception) -> Response:
    error = as_ledger_error(problem)
    answer = answered(ErrorBody.of(error), status=error.status)
    if isinstance(error, RequestTimedOut):  # the rest of it may still come, and is no request
        answer.headers["Connection"] = "close"
    return answer


async def _http_error(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    if problem.status_code == 404:
        error: LedgerError = NotFound(f"there is nothing at {request.url.path}")
    else:
        said = f"{request.method} {request.url.path}: {problem.detail}"
        error = BadRequest(said, status=problem.status_code)
    return answered(ErrorBody.of(error), status=error.status)
