"""How whoever sent a command is answered: by the journal, or as when it was sent before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger_actors.store.errors import CommandIdReused
from ledger_actors.store.model import Appended, StoredCommand
from supervision import Future, Ref
from supervision.messages import SystemMessage

__all__ = ["TellFirst", "answer_as_before", "answer_with", "pass_on"]


@dataclass(frozen=True, slots=True)
class _Settled(SystemMessage):
    """The journal has answered an append. A message of the runtime's: no letter when it is late."""

    version: int
    command_id: str
    written: Future[Any]

    def handle(self, actor: Any) -> None:
        actor.on_settled(self.version, self.command_id, self.written)


@dataclass(frozen=True, slots=True)
class TellFirst:
    """What is done with the journal's answer: the aggregate is told, and then whoever asked.

    In that order. Who asked may try again at once, and must not find an aggregate that still
    believes in what was refused. Called in the journal's thread.
    """

    ref: Ref
    version: int
    command_id: str
    answer: Future[Any]

    def __call__(self, written: Future[Any]) -> None:
        """Tell the aggregate, and pass the answer on."""
        self.ref.signal(_Settled(self.version, self.command_id, written))
        pass_on(written, self.answer)


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


def answer_as_before(found: StoredCommand, fingerprint: str, answer: Future[Any]) -> None:
    """Answer with what a command has led to before; another one under its id is refused."""
    if found.fingerprint in (None, fingerprint):
        answer.try_set(Appended(found.events, duplicate=True))
    else:
        answer.try_set_exception(CommandIdReused(found.command_id))


def _repeat(original: Future[Any], answer: Future[Any]) -> None:
    problem = original.exception()
    if problem is None:
        answer.try_set(Appended(original.get().events, duplicate=True))
    else:
        answer.try_set_exception(problem)
