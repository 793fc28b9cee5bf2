"""Mistakes that are planted, to see that the simulation finds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ledger_actors.runtime.consumer import Consumer
from ledger_actors.runtime.delivery import Delivery
from ledger_actors.runtime.envelopes import CommandEnvelope
from ledger_actors.store import writing
from ledger_actors.store.journal import Journal
from tests.simulation.substitution import substituted

__all__ = ["MUTANTS"]


def the_journal_answers_before_the_commit() -> AbstractContextManager[None]:
    """Each answer is given when its rows are in the transaction, which is not committed yet."""
    under_way: list[tuple[Journal, Sequence[Any]]] = []
    write_all, write = Journal._write, writing.write

    def write_and_remember(journal: Journal, requests: Any, replies: Sequence[Any]) -> None:
        under_way[:] = [(journal, replies)]
        write_all(journal, requests, replies)

    def write_and_answer(connection: Any, admitted: Any, *places: Any, updated_at: str) -> None:
        write(connection, admitted, *places, updated_at=updated_at)
        for journal, replies in under_way:
            for answer, reply in zip(admitted.answers, replies, strict=True):
                journal._answer(answer, reply)

    return substituted(
        [(Journal, "_write", write_and_remember), (writing, "write", write_and_answer)]
    )


def nobody_looks_at_what_a_command_rests_on() -> AbstractContextManager[None]:
    """A command that was decided on what was not on disk yet does not say so."""
    append = CommandEnvelope.append

    def append_at_once(
        self: CommandEnvelope, fingerprint: str, writes: Any, guards: Any, _: Any, since: int | None
    ) -> Any:
        return append(self, fingerprint, writes, guards, (), since)

    return substituted([(CommandEnvelope, "append", append_at_once)])


def a_consumer_does_not_skip_what_it_has_seen() -> AbstractContextManager[None]:
    """What it has read while it caught up is taken once more when it is told of it."""
    take = Consumer._take

    def take_again(self: Consumer, deliveries: Sequence[Delivery]) -> None:
        self.position = min(self.position, deliveries[0].after)
        take(self, deliveries)

    def all_of_it(_name: str, _position: int, delivery: Delivery) -> Any:
        return delivery.events

    from ledger_actors.runtime import consumer

    return substituted([(Consumer, "_take", take_again), (consumer, "unseen", all_of_it)])


MUTANTS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    mutant.__name__: mutant
    for mutant in (
        the_journal_answers_before_the_commit,
        nobody_looks_at_what_a_command_rests_on,
        a_consumer_does_not_skip_what_it_has_seen,
    )
}
