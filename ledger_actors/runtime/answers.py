"""How whoever sent a command is answered: by the journal, or as when it was sent before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ledger_actors.store.errors import CommandIdReused
from ledger_actors.store.model import Appended, StoredCommand
from supervision import Future
from supervision.messages import SystemMessage

if TYPE_CHECKING:
    from ledger_actors.runtime.aggregate import Aggregate

__all__ = ["LearnFirst", "answer_as_before", "answer_with", "as_before", "pass_on"]


@dataclass(frozen=True, slots=True)
class _Confirmed(SystemMessage):
    """Something waits for what is on disk now. A message of the runtime's: no letter when late."""

    def handle(self, actor: Any) -> None:
        actor.on_confirmed()


@dataclass(frozen=True, slots=True)
class _Refused(SystemMessage):
    """What the aggregate has applied was not written."""

    why: str

    def handle(self, actor: Any) -> None:
        actor.hydrate_afresh(self.why)


_CONFIRMED = _Confirmed()


class LearnFirst:
    """What an aggregate does with the journal's answer, before whoever asked gets it.

    Who asked may try again at once, and must not find an aggregate that still believes in what was
    refused. Called in the journal's thread. The aggregate is sent a message only where it has
    something to do: as a rule it just takes note.
    """

    __slots__ = ("_aggregate", "_command_id", "_version")

    def __init__(self, aggregate: Aggregate[Any], version: int, command_id: str) -> None:
        self._aggregate = aggregate
        self._version = version
        self._command_id = command_id

    def __call__(self, written: Future[Any]) -> None:
        """Tell the aggregate what became of its append."""
        problem = written.exception()
        appended: Appended | None = None if problem is not None else written.get()
        if appended is None:
            self._refuse(str(problem))
        elif appended.duplicate:
            self._refuse(f"command {self._command_id!r} was written before")
        elif self._aggregate.confirm(self._command_id, self._version, appended.events):
            self._aggregate.actor_ref.signal(_CONFIRMED)

    def _refuse(self, why: str) -> None:
        self._aggregate.actor_ref.signal(_Refused(why))


def pass_on(done: Future[Any], answer: Future[Any]) -> None:
    """Set a future to what another one, which is done, holds."""
    problem = done.exception()
    if problem is None:
        answer.try_set(done.get())
    else:
        answer.try_set_exception(problem)


def answer_with(original: Future[Any], answer: Future[Any]) -> None:
    """Answer a repeat of what is in flight, once that is answered."""
    original.add_done_callback(lambda done: _repeat(done, answer))


def as_before(found: StoredCommand, fingerprint: str) -> Appended:
    """Return what a command has led to before.

    Raises:
        CommandIdReused: it was another one, under the same id.
    """
    if found.fingerprint in (None, fingerprint):
        return Appended(found.events, duplicate=True)
    raise CommandIdReused(found.command_id)


def answer_as_before(found: StoredCommand, fingerprint: str, answer: Future[Any]) -> None:
    """Answer with what a command has led to before; another one under its id is refused."""
    try:
        answer.try_set(as_before(found, fingerprint))
    except CommandIdReused as reused:
        answer.try_set_exception(reused)


def _repeat(original: Future[Any], answer: Future[Any]) -> None:
    problem = original.exception()
    if problem is None:
        answer.try_set(Appended(original.get().events, duplicate=True))
    else:
        answer.try_set_exception(problem)
