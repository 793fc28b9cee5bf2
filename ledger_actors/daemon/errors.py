"""Every refusal that a person at the door or at a shell can meet: a code, a status and a sentence.

The door turns what went wrong into one of these, writes it as JSON (`ErrorBody` of the protocol),
and the client raises the same class again; so what is learnt with `Ledger.open` is true of
`connect()` too. A code that this version of the client does not know is still a `LedgerError`,
with its code and its sentence.
"""

from __future__ import annotations

from typing import ClassVar

MAX_MESSAGE = 2_000
"""Characters of a sentence: it may name what came in, and that may be of any length."""


def _shortened(message: str) -> str:
    if len(message) <= MAX_MESSAGE:
        return message
    return f"{message[: MAX_MESSAGE // 2]} [...] {message[-MAX_MESSAGE // 2 :]}"


class LedgerError(Exception):
    """The root: nothing that the ledger itself says to its user is anything else.

    `code` is stable and for programs, `message` is a sentence for people, `status` is its HTTP
    status. No state was changed by a request that ended in one, unless its class says otherwise.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, code: str | None = None, status: int | None = None) -> None:
        message = _shortened(message)
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code  # type: ignore[misc]  # a Rejected carries its own
        self.status = status or type(self).status  # type: ignore[misc]  # as the server said it

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code}: {self.message})"


class Rejected(LedgerError):
    """A business refusal: the command was understood and the answer is no. Nothing was written."""

    code = "rejected"
    status = 409


class InvalidCommand(LedgerError, ValueError):
    """The command is not one: a field is missing, unknown, or of a wrong type or form."""

    code = "invalid_command"
    status = 422


class UnknownCommand(InvalidCommand):
    """No command has this name."""

    code = "unknown_command"
    status = 400


class NotJson(InvalidCommand):
    """What was sent is not JSON in UTF-8."""

    code = "not_json"
    status = 400


class BadRequest(LedgerError, ValueError):
    """A parameter of the request makes no sense: an `after` that is no number, for example."""

    code = "bad_request"
    status = 400


class TooLarge(LedgerError, ValueError):
    """The request, or one command in it, is larger than the door lets in."""

    code = "too_large"
    status = 413


class Unauthorized(LedgerError, PermissionError):
    """The door on the network wants a bearer token, and this one is missing or wrong."""

    code = "unauthorized"
    status = 401


class NotFound(LedgerError, LookupError):
    """Nothing has that name: no such stream, actor, account, product, path."""

    code = "not_found"
    status = 404


class StreamMissing(NotFound):
    """No event was ever written to that stream."""

    code = "stream_not_found"


class ActorMissing(NotFound):
    """No actor has that name."""

    code = "no_such_actor"


class EventIdAhead(LedgerError, LookupError):
    """A state was asked as of an event that has not happened yet."""

    code = "event_id_in_future"
    status = 404


class Conflict(LedgerError):
    """Others wrote to the same streams, time after time, until the retries were used up."""

    code = "conflict"
    status = 409


class CommandIdTaken(LedgerError, ValueError):
    """This `command_id` belongs to a different command. The earlier one stands."""

    code = "command_id_reused"
    status = 409


class TimedOut(LedgerError, TimeoutError):
    """No answer in time. The command may still take effect; with its id a repeat is safe."""

    code = "timeout"
    status = 504


class ActorCrashed(LedgerError):
    """The actor ended while it handled this. What was not acknowledged is wholly there or not."""

    code = "actor_crashed"
    status = 500


class StorageFull(LedgerError, OSError):
    """The disk is full. Nothing of the command was written; send it again once there is room."""

    code = "store_full"
    status = 507


class NotSupported(LedgerError):
    """This actor does not understand that message."""

    code = "not_supported"
    status = 422


class LedgerUnavailable(LedgerError, ConnectionError):
    """Nobody answers at the door: no daemon runs on that folder, or it is stopping."""

    code = "unavailable"
    status = 503


class TooManyConnections(LedgerUnavailable):
    """The door has as many connections open as it takes; nothing of the request was read."""

    code = "too_many_connections"


class TooManyRequests(LedgerUnavailable):
    """More requests a second than the door takes; nothing was done. It may be sent again soon."""

    code = "too_many_requests"
    status = 429


class RequestTimedOut(LedgerError, TimeoutError):
    """The request did not come in, in time; nothing was done."""

    code = "request_timeout"
    status = 408


class Incompatible(LedgerError):
    """The other side speaks another version of the protocol."""

    code = "incompatible"
    status = 505


def _family(root: type[LedgerError]) -> dict[str, type[LedgerError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _family(child)
    return found


def error_from(code: str, message: str, status: int) -> LedgerError:
    """The exception that the other side meant.

    A code that names none of the classes above is a rejection's own code where the status says
    so (409: "account_inactive", "insufficient_balance", ...), else a plain `LedgerError`.
    """
    known = _family(LedgerError).get(code)
    kind = known or (Rejected if status == Rejected.status else LedgerError)
    return kind(message, code=code, status=status)
