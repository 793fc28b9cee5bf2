"""The door's paths of what consumers have put aside, and of the audit."""

from __future__ import annotations

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ledger_actors.daemon.contract import Service
from ledger_actors.daemon.event_stream import audit_response
from ledger_actors.daemon.http_answers import (
    answered,
    blocking,
    body_of,
    check_protocol,
    decoded,
    get,
    post,
    whole_number,
)
from ledger_actors.daemon.open_streams import OpenStreams
from ledger_actors.daemon.parked_protocol import ParkedAction


class ParkedDoor:
    """The handlers. One for a running endpoint; every method runs on its loop."""

    def __init__(self, service: Service, streams: OpenStreams, patience: CapacityLimiter) -> None:
        self._service = service
        self._streams = streams
        self._patience = patience

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            get("/v1/audit", self.audit),
            get("/v1/parked", self.parked),
            get("/v1/parked/{consumer}/{event_id}", self.parked_event),
            post("/v1/parked/{consumer}/{event_id}", self.act),
        ]

    async def parked(self, request: Request) -> Response:
        """What is parked, of all consumers or of one."""
        check_protocol(request)
        consumer = request.query_params.get("consumer")
        return answered(await blocking(lambda: self._service.parked(consumer), self._patience))

    async def parked_event(self, request: Request) -> Response:
        """One parked event, with its traceback."""
        check_protocol(request)
        name, event_id = _named(request)
        call = lambda: self._service.parked_event(name, event_id)  # noqa: E731 - for a thread
        return answered(await blocking(call, self._patience))

    async def act(self, request: Request) -> Response:
        """Retry a parked event and those behind it, or discard it."""
        check_protocol(request)
        name, event_id = _named(request)
        action = decoded(await body_of(request), ParkedAction)
        call = lambda: self._service.act_on_parked(name, event_id, action)  # noqa: E731
        return answered(await blocking(call, self._patience))

    async def audit(self, request: Request) -> Response:
        """What each consumer has processed against the log, with progress."""
        check_protocol(request)
        return audit_response(self._service, self._streams, self._patience)


def _named(request: Request) -> tuple[str, int]:
    found = request.path_params
    return found["consumer"], whole_number("event id", found["event_id"])
