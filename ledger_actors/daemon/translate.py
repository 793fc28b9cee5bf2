"""Whatever went wrong behind the door, put into the words that its user reads.

A table from the errors of the store, the runtime and the supervision to the codes of errors.py. The
sentences are theirs; what is no error of ours at all is an `internal` one, and logged.
"""

from __future__ import annotations

import msgspec
import structlog

from ledger_actors.daemon import errors
from ledger_actors.daemon.errors import LedgerError
from ledger_actors.runtime import errors as runtime
from ledger_actors.store import errors as store
from supervision.errors import (
    ActorDead,
    CallCycle,
    CallTimeout,
    NoProcess,
    NotSupported,
    Rejection,
    StartFailed,
)
from supervision.reports import child_text

TABLE: tuple[tuple[type[BaseException], type[LedgerError]], ...] = (
    (store.CommandIdReused, errors.CommandIdTaken),
    (store.EventIdInFuture, errors.EventIdAhead),
    (store.StreamNotFound, errors.StreamMissing),
    (store.WrongExpectedVersion, errors.Conflict),
    (store.StoreFull, errors.StorageFull),
    (store.StoreUnavailable, errors.LedgerUnavailable),
    (store.StoreTooNew, errors.Incompatible),
    (runtime.UnknownCommand, errors.UnknownCommand),
    (runtime.NoSuchStream, errors.StreamMissing),
    (runtime.TooManyConflicts, errors.Conflict),
    (runtime.CommandTimeout, errors.TimedOut),
    (runtime.InvalidCommand, errors.InvalidCommand),
    (NoProcess, errors.ActorMissing),
    (ActorDead, errors.ActorCrashed),
    (CallTimeout, errors.TimedOut),
    (NotSupported, errors.NotSupported),
    (CallCycle, errors.NotSupported),
)
"""First match wins: a class stands above the one that it is derived from."""


def as_ledger_error(problem: BaseException) -> LedgerError:
    """The same problem as a `LedgerError`; itself where it is one. From any thread."""
    if isinstance(problem, LedgerError):
        return problem
    if isinstance(problem, Rejection):
        return rejected(problem)
    if (failed := failed_start(problem)) is not None:
        return LedgerError(root_cause(failed))
    if isinstance(problem, runtime.InvalidCommand) and not_json(problem):
        return errors.NotJson(str(problem))
    for known, kind in TABLE:
        if isinstance(problem, known):
            return kind(str(problem))
    return _unexpected(problem)


def rejected(rejection: Rejection) -> errors.Rejected:
    """A business refusal with its own code."""
    code = getattr(rejection, "code", None)
    return errors.Rejected(str(rejection), code=code if isinstance(code, str) else None)


def not_json(problem: BaseException) -> bool:
    """Whether what came in could not be read at all, as against read and found wrong."""
    cause = problem.__cause__
    return isinstance(cause, msgspec.DecodeError | UnicodeDecodeError) and not isinstance(
        cause, msgspec.ValidationError
    )


def failed_start(problem: BaseException) -> StartFailed | None:
    """The start that failed, where that is the problem, or what a tree's root ended of."""
    if isinstance(problem, ActorDead):
        problem = getattr(problem.reason, "exception", problem)
    return problem if isinstance(problem, StartFailed) else None


def root_cause(failed: StartFailed) -> str:
    """What a start really failed of, below the supervisors that passed it up."""
    while isinstance(inner := getattr(failed.reason, "exception", None), StartFailed):
        failed = inner
    return f"the ledger cannot start: {child_text(failed.child_id)}: {inner or failed.reason}"


def _unexpected(problem: BaseException) -> LedgerError:
    structlog.get_logger("ledger").error("door.unexpected_error", exc_info=problem)
    return LedgerError(f"{type(problem).__name__}: {problem}")
