"""What the door bears: so many connections, so many requests a second, so long for a request.

Each limit has its refusal, in the form of every other one. A stream of commands is one request, so
none of them is in the way of an import: how fast that goes is for its window to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_actors.daemon.errors import RequestTimedOut, TooManyRequests
from ledger_actors.daemon.protocol import JSON, MAX_DEPTH, NDJSON, ErrorBody
from supervision import SYSTEM_CLOCK, Clock


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one listening socket; the settings of `endpoint` have the same names."""

    max_connections: int = 256
    max_request_rate: int = 10_000
    request_timeout: float = 30.0


class RequestRate:
    """A bucket of tokens, one for a request; full, it holds those of a second."""

    def __init__(self, per_second: int, clock: Clock = SYSTEM_CLOCK) -> None:
        """Begin with a full bucket; `per_second` 0 is no limit."""
        self._per_second = per_second
        self._clock = clock
        self._tokens = float(per_second)
        self._filled_at = clock.monotonic()

    def take(self) -> bool:
        """Take a token; return whether there was one."""
        if self._per_second == 0:
            return True
        now = self._clock.monotonic()
        gained = (now - self._filled_at) * self._per_second
        self._tokens, self._filled_at = min(self._tokens + gained, self._per_second), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Bounded:
    """An ASGI application within the limits: refuses at once what is too much or too slow."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self._rate = RequestRate(limits.max_request_rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 429 without reading the body."""
        if not self._rate.take():
            refusal = TooManyRequests(
                f"this door takes {self._limits.max_request_rate:,} requests a second, and more "
                "came: wait a second, send many commands as one stream, or raise "
                "endpoint.max_request_rate"
            )
            body = msgspec.json.encode(ErrorBody.of(refusal))
            headers = {"Retry-After": "1"}
            await Response(body, refusal.status, headers, JSON)(scope, receive, send)
            return
        if scope["method"] != "POST" or _streams(scope):
            await self._app(scope, receive, send)
            return
        await self._app(scope, self._timely(receive), send)

    def _timely(self, receive: Receive) -> Receive:
        """The same `receive`, while the time for the body lasts."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._limits.request_timeout

        async def timely() -> Message:
            try:
                async with asyncio.timeout_at(ends_at):
                    return await receive()
            except TimeoutError:
                raise too_slow(self._limits) from None

        return timely


def too_slow(limits: Limits) -> RequestTimedOut:
    """The refusal of a request that did not come in, in time."""
    return RequestTimedOut(
        f"a request has {limits.request_timeout:g} seconds to come in; this one is not complete: "
        "send it again, or raise endpoint.request_timeout"
    )


def is_too_deep(value: object, most: int = MAX_DEPTH) -> bool:
    """Whether lists and objects of JSON are nested more than so deep."""
    level = [value]
    for _ in range(most):
        level = [inner for one in level for inner in _inside(one)]
    return any(isinstance(one, Mapping | list) for one in level)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _streams(scope: Scope) -> bool:
    """Whether it is a stream of commands, which may last as long as its client wants."""
    return Headers(scope=scope).get("content-type", "").startswith(NDJSON)
