"""The way of a command to whoever decides it, and of the answer back.

A command about one stream goes to that stream's aggregate, which is started if it does not run;
one that spans streams goes to its handler. Commands for one aggregate stay in their order, around a
start, a crash and a conflict as well (see `lanes`), and a question to it comes after the commands
that were sent to it before. What a command names in other streams (`Aggregate.names`) is looked for
first: on disk, and if it is not there yet, by asking its actor, in turn.

What fails for a reason that lies in the moment (a conflict of versions, an actor that ended, a
journal that is restarting) is tried again, which is safe: every command has an id, and one that was
done is answered with what it did. A refusal is no deed: nothing is kept of it, and the same command
under the same id is decided anew, on what is true then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count, groupby
from operator import attrgetter
from typing import Any, TypeAlias

from ledger_actors.runtime.aggregate import Aggregate, Named
from ledger_actors.runtime.aggregate_messages import ReadAhead, ReadState, Stand
from ledger_actors.runtime.answers import as_before, pass_on
from ledger_actors.runtime.command_catalog import Command
from ledger_actors.runtime.deadlines import Deadlines
from ledger_actors.runtime.envelopes import CommandEnvelope, Outcome
from ledger_actors.runtime.errors import DoesNotExist, InvalidCommand, UnknownCommand
from ledger_actors.runtime.handler import CommandHandler
from ledger_actors.runtime.journey import Journey, Ways
from ledger_actors.runtime.lanes import Lanes, NoLanes
from ledger_actors.runtime.on_demand import MANY, Address, OnDemand, name_of
from ledger_actors.runtime.question import Question
from ledger_actors.runtime.stored_states import short_state
from ledger_actors.runtime.system import System, by_category
from ledger_actors.store.errors import CommandIdReused, StoreError
from ledger_actors.store.model import StoredCommand
from supervision import Future

__all__ = ["CommandBus"]

SHORT_HISTORY = 32
"""Events that are read where an actor would have to be started for them."""

_Owner: TypeAlias = tuple[type[Aggregate[Any]], str, "Callable[[Any], Iterable[Named]] | None"]
"""Who decides a command: the class, the field with the id, and what else the command names."""


class CommandBus:
    """Routes commands. Any thread may use it; it waits for no actor.

    `actors` are those that are started on demand.
    """

    def __init__(
        self,
        system: System,
        aggregates: Iterable[type[Aggregate[Any]]],
        handlers: Iterable[type[CommandHandler]] = (),
    ) -> None:
        self._system = system
        self.categories: Mapping[str, type[Aggregate[Any]]] = by_category(aggregates)
        self._owners: dict[type[Command], _Owner] = {
            command: (cls, field, cls.names.get(command))
            for cls in self.categories.values()
            for command, field in cls.commands.items()
        }
        self.handlers = {one.command: one for one in handlers}
        self._numbers = count()
        self._lanes = Lanes(lambda key: system.names.whereis(name_of(key)), self.later)
        self.actors = OnDemand(system, self, sent=self._lanes.sent)
        self._no_lanes = NoLanes(self.later)
        self._deadlines: dict[float, Deadlines[Journey | Question]] = {}
        self._closed = False

    # -- commands ------------------------------------------------------------------------------

    def dispatch(
        self, envelope: CommandEnvelope, *, timeout: float | None = None
    ) -> Future[Outcome]:
        """Send a command on its way and return a future of its outcome; do not wait.

        The future is set in an actor's thread, after the commit, and holds one of: an `Outcome`; a
        `Rejection`; `CommandIdReused`; `StoreFull`; `TooManyConflicts`; `CommandTimeout`; the
        exception that crashed whoever decided it.

        Raises:
            UnknownCommand: nobody decides this command.
            InvalidCommand: what should be the aggregate's id is none.
        """
        since = None if envelope.repeatable else self._system.store.moment()
        journey = self._journey(envelope, since)
        self._set_out([journey], timeout)
        return journey.outcome

    def dispatch_many(
        self, envelopes: Sequence[CommandEnvelope], *, timeout: float | None = None
    ) -> list[Future[Outcome]]:
        """As `dispatch`, for many at once, which is quicker; they set out in their order.

        It is looked in one query which of them were done before. Nothing is raised: what
        `dispatch` would raise is in the future of its command.
        """
        done, since = self._done_before(envelopes)
        outcomes: list[Future[Outcome]] = []
        journeys: list[Journey] = []
        for envelope in envelopes:
            before = done.get(envelope.command_id)
            try:
                if before is None:
                    journey = self._journey(envelope, since)
                    journeys.append(journey)
                    outcomes.append(journey.outcome)
                else:
                    outcomes.append(_known(_outcome_as_before(envelope, before)))
            except (UnknownCommand, InvalidCommand, CommandIdReused) as wrong:
                outcomes.append(_known(wrong))
        self._set_out(journeys, timeout)
        return outcomes

    def close(self) -> None:
        """Answer all who wait, and all who come later: the tree has ended.

        Whoever stops a tree calls it afterwards. What was under way may have been done.
        """
        self._closed = True
        for deadlines in list(self._deadlines.values()):
            for one in deadlines.pending():
                one.close()

    def _done_before(
        self, envelopes: Sequence[CommandEnvelope]
    ) -> tuple[Mapping[str, StoredCommand], int | None]:
        """Return which of them were done, and when that was so; `None`: it could not be read."""
        store = self._system.store
        ids = [envelope.command_id for envelope in envelopes if envelope.repeatable]
        if not ids:
            return {}, store.moment()
        try:
            known = store.look_up_commands(ids)
        except StoreError:
            return {}, None  # whoever decides them will look, or say what is wrong
        return known.found, known.moment

    def _journey(self, envelope: CommandEnvelope, unseen_since: int | None) -> Journey:
        """Return a command's journey, which knows what it waits for before it may set out."""
        kind = type(envelope.command)
        ways: Ways = self._lanes
        unseen: Sequence[Named] = ()
        if (owner := self._owners.get(kind)) is not None:
            cls, field, names = owner
            key: Address = (cls, getattr(envelope.command, field))
            if not key[1] or key[1].__class__ is not str:
                _check(cls, key[1])
            if names is not None:
                unseen = self._not_on_disk(names(envelope.command))
        elif (handler := self.handlers.get(kind)) is not None:
            key, ways = (handler, kind.command_type), self._no_lanes
        else:
            raise UnknownCommand(envelope.type, None)
        journey = Journey(
            envelope,
            self.actors.deliver,
            ways,
            key=key,
            number=next(self._numbers),
            conflict_retries=self._system.options.conflict_retries,
            unseen_since=unseen_since,
        )
        if unseen:
            journey.wait_for(unseen)
        return journey

    def _set_out(self, journeys: Sequence[Journey], timeout: float | None) -> None:
        self._start_together(journeys)
        seconds = self._system.options.command_timeout if timeout is None else timeout
        self._deadline(seconds).add(journeys)
        if self._closed:
            for journey in journeys:
                journey.refuse()
            return
        for ways, group in groupby(journeys, _ways):
            ways.enter(list(group))
        for journey in journeys:
            for named in journey.awaited():
                self._look_up(named, journey)

    def _deadline(self, seconds: float) -> Deadlines[Journey | Question]:
        found = self._deadlines.get(seconds)
        if found is None:
            made: Deadlines[Journey | Question] = Deadlines(self._system.real_timers, seconds)
            found = self._deadlines.setdefault(seconds, made)
        return found

    def later(self, seconds: float, action: Any) -> None:
        """Do something in real seconds."""
        self._system.real_timers.call_after(seconds, action)

    # -- what commands name -------------------------------------------------------------------

    def _not_on_disk(self, named: Iterable[Named]) -> Sequence[Named]:
        version = self._system.store.stream_version
        keys = dict.fromkeys(named)
        try:
            return [(cls, identity) for cls, identity in keys if not version(cls.stream(identity))]
        except StoreError:
            return list(keys)  # the actors will know, or say what is wrong

    def _look_up(self, named: Named, journey: Journey) -> None:
        """Ask whether something is there, behind what was sent to it before the command was."""

        def take(answer: Future[Stand]) -> None:
            problem = answer.exception()
            if problem is not None:
                journey.fail(problem)
            exists = problem is None and answer.get().version > 0
            journey.learn(named, None if exists else DoesNotExist(named[0].category, named[1]))

        # Before all that came after the command: two that name each other do not wait for ever.
        self._ask(named, ReadState(), number=journey.number - 0.5).add_done_callback(take)

    # -- aggregates ----------------------------------------------------------------------------

    def read(
        self, cls: type[Aggregate[Any]], identity: str, *, ahead: bool = False
    ) -> Future[Stand]:
        """Return a future of the state of an aggregate; of what is on disk, unless `ahead`.

        It is the state after all commands that were dispatched to it before; an aggregate that ends
        before it has answered is asked again. The future fails with `CallTimeout` if there is no
        answer in the time that a command has.

        Raises:
            ValueError: the id is none.
        """
        cls.stream(identity)
        return self._ask((cls, identity), ReadAhead() if ahead else ReadState())

    def read_many(
        self, cls: type[Aggregate[Any]], identities: Iterable[str]
    ) -> list[Future[Stand]]:
        """As `read`, of many at once, which is quicker."""
        keys: list[Named] = [(cls, one) for one in identities if cls.stream(one)]
        questions = [self._question(key, ReadState()) for key in keys]
        self._put(questions)
        return [one.outcome for one in questions]

    def ask(self, key: Named, message: Any, answer: Future[Any]) -> None:
        """As `read`, for a message of one's own making and a future that is there already."""
        self._ask(key, message).add_done_callback(lambda done: pass_on(done, answer))

    def glance(self, key: Named, *, new: bool = False) -> Stand | None:
        """Return what `ask(key, ReadAhead(), ...)` would answer, if it is known without asking.

        It is if nothing is on its way to the aggregate and it has nothing to do, or if it does not
        run and has a short history: then to start it would cost more than to read that. One that
        is said to be `new` is taken to have none, unless the store knows better without looking.
        """
        if self._lanes.is_in_use(key):
            return None
        ref = self.actors.whereis(key)
        if ref is not None:
            actor: Any = ref.running
            return actor.ahead() if ref.is_idle() and actor.__class__ is key[0] else None
        if self.actors.is_starting(key):
            return None
        cls, identity = key
        if new and not self._system.store.version_written(cls.stream(identity)):
            return Stand(cls.initial_state, 0)
        return short_state(self._system, cls, identity, most=SHORT_HISTORY)

    def _ask(self, key: Named, message: Any, *, number: float | None = None) -> Future[Any]:
        question = self._question(key, message, number)
        self._put([question])
        return question.outcome

    def _question(self, key: Named, message: Any, number: float | None = None) -> Question:
        place = next(self._numbers) if number is None else number
        return Question(message, self.actors.deliver, self._lanes, key=key, number=place)

    def _put(self, questions: Sequence[Question]) -> None:
        self._start_together(questions)
        self._deadline(self._system.options.command_timeout).add(questions)
        if self._closed:
            for question in questions:
                question.close()
        else:
            self._lanes.enter(questions)

    def _start_together(self, travellers: Sequence[Journey | Question]) -> None:
        """Start the aggregates of many that do not run, before anything is sent to them."""
        if len(travellers) >= MANY and not self._closed:
            in_use, lanes = self._lanes.is_in_use, self._lanes
            keys: dict[Any, None] = dict.fromkeys(
                one.key for one in travellers if one.ways is lanes
            )
            self.actors.start_absent([key for key in keys if not in_use(key)])


_ways = attrgetter("ways")


def _outcome_as_before(envelope: CommandEnvelope, before: StoredCommand) -> Outcome:
    appended = as_before(before, envelope.fingerprint())
    return Outcome(envelope.command_id, appended.events, appended.duplicate)


def _known(outcome: Outcome | Exception) -> Future[Outcome]:
    """Return the future of what is known already."""
    future: Future[Outcome] = Future()
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set(outcome)
    return future


def _check(cls: type[Aggregate[Any]], identity: Any) -> None:
    try:
        cls.stream(identity)
    except ValueError as error:
        raise InvalidCommand(str(error)) from error
