"""The guard of the door on the network: a bearer token, compared in constant time."""

from __future__ import annotations

import hmac

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger_actors.daemon.errors import Unauthorized
from ledger_actors.daemon.protocol import JSON, ErrorBody


class RequireToken:
    """An ASGI application that lets a request through only with the right token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 401 without reading the body."""
        given = Headers(scope=scope).get("authorization", "").encode()
        if hmac.compare_digest(given, self._expected):
            await self._app(scope, receive, send)
            return
        refusal = Unauthorized("this door wants `Authorization: Bearer TOKEN` with the right token")
        body = msgspec.json.encode(ErrorBody.of(refusal))
        response = Response(
            body, refusal.status, headers={"WWW-Authenticate": "Bearer"}, media_type=JSON
        )
        await response(scope, receive, send)
