"""What the handlers of the door's paths have in common: reading a request, answering it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ledger_actors.daemon.errors import BadRequest, Incompatible, LedgerError, NotJson, TooLarge
from ledger_actors.daemon.protocol import (
    JSON,
    MAX_COMMAND_BYTES,
    PROTOCOL_HEADER,
    PROTOCOL_VERSION,
)
from ledger_actors.daemon.translate import as_ledger_error
from ledger_actors.json_decoders import decoder_of

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Any]]
_CLIENT_CLOSED_REQUEST = 499  # nginx's number for it; nobody reads it
_LONGEST_NUMBER = 100  # digits: Python takes no more than 4,300, and nobody means so many
_encoder = msgspec.json.Encoder(enc_hook=str)


def get(path: str, handler: Handler) -> Route:
    """A path that is read."""
    return Route(path, in_words(handler), methods=["GET"])


def post(path: str, handler: Handler) -> Route:
    """A path that something is done at."""
    return Route(path, in_words(handler), methods=["POST"])


def in_words(handler: Handler) -> Handler:
    """The handler, with what it raises as a LedgerError: logged once, if it is unexpected.

    Starlette answers an `Exception` and raises it all the same, so that uvicorn logs it again. A
    client that went away in the middle of its request is nobody's mistake, and hears no answer.
    """

    async def answer(request: Request) -> Any:
        try:
            return await handler(request)
        except (HTTPException, LedgerError):
            raise
        except ClientDisconnect:
            return Response(status_code=_CLIENT_CLOSED_REQUEST)
        except Exception as problem:
            raise as_ledger_error(problem) from problem

    return answer


def answered(value: object, *, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(_encoder.encode(value), status_code=status, media_type=JSON)


async def blocking(call: Callable[[], T], limiter: CapacityLimiter | None = None) -> T:
    """What `call` returns, called on a worker thread; what it raises, as a LedgerError."""
    try:
        return await to_thread.run_sync(call, limiter=limiter, abandon_on_cancel=True)
    except Exception as problem:
        raise as_ledger_error(problem) from problem


async def body_of(request: Request, limit: int = MAX_COMMAND_BYTES) -> bytes:
    """The body, refused as soon as it is known to be too large, the rest unread."""
    refusal = TooLarge(f"a request may have {limit:,} bytes; this one has more")
    if int(request.headers.get("content-length") or 0) > limit:
        raise refusal
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise refusal
    return bytes(body)


def decoded(body: bytes, kind: type[T]) -> T:
    """The body as a struct of the protocol."""
    try:
        return decoder_of(kind)(body)
    except msgspec.ValidationError as wrong:
        raise BadRequest(f"the request is not understood: {wrong}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise NotJson(f"the request is not JSON: {wrong}") from None
    except RecursionError:
        raise BadRequest("the request is nested too deeply") from None


def number(request: Request, name: str) -> int | None:
    """A query parameter that must be a whole number, zero or more, if it is there."""
    given = request.query_params.get(name)
    return None if given is None else whole_number(name, given)


def whole_number(name: str, given: str) -> int:
    """A whole number, zero or more."""
    if not (given.isascii() and given.isdigit() and len(given) <= _LONGEST_NUMBER):
        raise BadRequest(f"{name}: expected a whole number, zero or more; got {given!r:.60}")
    return int(given)


def check_protocol(request: Request) -> None:
    """Refuse a client of another version of the protocol; curl, which says none, is let in."""
    theirs = request.headers.get(PROTOCOL_HEADER)
    if theirs not in (None, str(PROTOCOL_VERSION)):
        raise Incompatible(
            f"this ledger speaks version {PROTOCOL_VERSION} of its protocol and the client "
            f"version {theirs}: install the same ledger-actors on both sides"
        )
