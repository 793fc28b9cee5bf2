"""Answers of many lines: events, with or without an end, and the progress of `verify`.

A follower is a position and a wake-up, not a subscriber with a queue: it reads what lies behind
its position from the store, in batches, and waits for the next commit when it is at the head. So
it can neither miss an event nor fill the memory, however slowly its client reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import StreamingResponse

from ledger_actors.daemon.command_stream import call_in
from ledger_actors.daemon.connection import EventQuery
from ledger_actors.daemon.contract import Service
from ledger_actors.daemon.errors import BadRequest, LedgerUnavailable
from ledger_actors.daemon.open_streams import OpenStreams, Waker
from ledger_actors.daemon.parked_protocol import AuditLine
from ledger_actors.daemon.protocol import (
    NDJSON,
    ErrorBody,
    EventLine,
    EventRecord,
    VerifyLine,
)
from ledger_actors.daemon.translate import as_ledger_error
from ledger_actors.json_decoders import convert

HEARTBEAT_SECONDS = 15.0
"""How often a follower at the head is sent a blank line, so that both sides know."""

_encoder = msgspec.json.Encoder()


def events_response(service: Service, streams: OpenStreams, request: Request) -> StreamingResponse:
    """The answer to GET /v1/events."""
    query = event_query(request)
    return StreamingResponse(_events(service, streams, query), media_type=NDJSON)


def event_query(request: Request) -> EventQuery:
    """The query parameters, checked."""
    told: dict[str, object] = dict(request.query_params)
    if unknown := [name for name in told if name not in EventQuery.__struct_fields__]:
        known = ", ".join(EventQuery.__struct_fields__)
        raise BadRequest(f"there is no parameter {unknown[0]!r}; there is {known}")
    if isinstance(types := told.pop("types", None), str):
        told["types"] = [name for name in types.split(",") if name]
    try:
        return convert(told, EventQuery, strict=False)
    except msgspec.ValidationError as wrong:
        raise BadRequest(f"the query is not understood: {wrong}") from None


async def _events(
    service: Service, streams: OpenStreams, query: EventQuery
) -> AsyncIterator[bytes]:
    waker = Waker()
    loop = asyncio.get_running_loop()
    leave = streams.enter(waker.close)
    end = service.on_commit(lambda: call_in(loop, waker.wake)) if query.follow else None
    try:
        async for body in _event_bodies(service, waker, query):
            yield body
        if waker.closed:
            yield _line(EventLine(error=ErrorBody.of(LedgerUnavailable("the ledger stops")).error))
    except Exception as problem:  # noqa: BLE001 - the headers are out: the last line tells it
        yield _line(EventLine(error=ErrorBody.of(as_ledger_error(problem)).error))
    finally:
        leave()
        if end is not None:
            end()


async def _event_bodies(service: Service, waker: Waker, query: EventQuery) -> AsyncIterator[bytes]:
    left = query.limit
    after = query.after
    while not waker.closed and (left is None or left > 0):
        head = await to_thread.run_sync(service.head)
        up_to = head if query.up_to is None else min(head, query.up_to)
        part = msgspec.structs.replace(query, after=after, up_to=up_to, limit=left)
        async for batch in _in_threads(service.event_batches(part)):
            left = None if left is None else left - len(batch)
            yield b"".join(_line(EventLine(event=event)) for event in batch)
            if is_closed(waker):
                return
        after = max(after, up_to)
        if not query.goes_on(after, left):
            return
        if not await waker.wait(HEARTBEAT_SECONDS):
            yield b"\n"


def is_closed(waker: Waker) -> bool:
    """Asked anew: the door may have closed while a client was slow to read."""
    return waker.closed


async def _in_threads(batches: Iterator[list[EventRecord]]) -> AsyncIterator[list[EventRecord]]:
    while (batch := await to_thread.run_sync(next, batches, None)) is not None:
        yield batch


def verify_response(
    service: Service, streams: OpenStreams, limiter: CapacityLimiter
) -> StreamingResponse:
    """The answer to GET /v1/verify: lines with progress, then the report."""
    lines = _with_progress(service.verify, VerifyLine, streams, limiter)
    return StreamingResponse(lines, media_type=NDJSON)


def audit_response(
    service: Service, streams: OpenStreams, limiter: CapacityLimiter
) -> StreamingResponse:
    """The answer to GET /v1/audit, likewise."""
    lines = _with_progress(service.audit, AuditLine, streams, limiter)
    return StreamingResponse(lines, media_type=NDJSON)


async def _with_progress(
    read: Callable[[Callable[[int, int], None]], Any],
    line: type[VerifyLine | AuditLine],
    streams: OpenStreams,
    limiter: CapacityLimiter,
) -> AsyncIterator[bytes]:
    waker = Waker()
    loop = asyncio.get_running_loop()
    leave = streams.enter(waker.close)
    checked, total = 0, 0

    def progress(done: int, of: int) -> None:
        nonlocal checked, total
        checked, total = done, of
        call_in(loop, waker.wake)

    task = asyncio.ensure_future(to_thread.run_sync(lambda: read(progress), limiter=limiter))
    task.add_done_callback(lambda _: waker.wake())
    try:
        while not task.done() and not waker.closed:
            await waker.wait(HEARTBEAT_SECONDS)
            yield _line(line(checked=checked, total=total))
            await asyncio.sleep(0)
        yield _line(line(report=await task))
    except Exception as problem:  # noqa: BLE001 - the headers are out: the last line tells it
        yield _line(line(error=ErrorBody.of(as_ledger_error(problem)).error))
    finally:
        leave()


def _line(value: msgspec.Struct) -> bytes:
    return _encoder.encode(value) + b"\n"
