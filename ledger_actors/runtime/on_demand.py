"""Actors that are started by the first message to them: aggregates, and handlers of commands.

Messages from one thread arrive in their order, also around a start: what comes while an actor is
being started waits here, and is given to it in that order, or told why there is none.

Many that are wanted at once are started together: their histories are read in one look, and their
supervisor has one message. Between that look and an actor's first turn its stream may be written.
The store knows of what was committed until then, and what is committed later is told to the actor,
which has its name by then; so a history is used only if the store is sure that nothing came after.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import Any, TypeAlias

from ledger_actors.runtime.aggregate import Aggregate, Named, few_events
from ledger_actors.runtime.handler import CommandHandler
from ledger_actors.runtime.system import System
from ledger_actors.store.errors import StoreError
from ledger_actors.store.model import StreamHistory
from supervision import Actor, AlreadyRegistered, AlreadyStarted, Future, NoProcess, Ref
from supervision.administration import start_child_async, start_children_async
from supervision.execution import shield
from supervision.specs import ChildSpec, child_spec
from supervision.terms import TEMPORARY

__all__ = ["MANY", "Address", "OnDemand", "name_of"]

MANY = 8
"""From so many on it is worth it to start them together."""

MOST_TOGETHER = 256
"""So many are started with one message: their supervisor does nothing else meanwhile."""

Address: TypeAlias = tuple[type[Aggregate[Any]] | type[CommandHandler], str]
"""Who is started by the first message to it: an aggregate by its id, a handler by its command."""


_Sent: TypeAlias = Callable[[Address, Ref], None]


class OnDemand:
    """Gives messages to actors, in their order, started where they do not run.

    For any thread; waits for no actor. Where many are started it reads the store.
    """

    def __init__(self, system: System, bus: Any, *, sent: _Sent = lambda _key, _ref: None) -> None:
        """`bus` is what handlers are started with.

        `sent(key, ref)` is called just before something is given to an actor that whoever sent it
        had not known.
        """
        self._system = system
        self._bus = bus
        self._sent = sent
        self._lock = threading.Lock()
        self._starting: dict[Address, list[tuple[Any, Future[Any]]]] = {}
        self._kinds: dict[type[Actor], tuple[ChildSpec, bool]] = {}

    def whereis(self, key: Any) -> Ref | None:
        """Return the actor of an address, if it runs."""
        return self._system.names.whereis(name_of(key))

    def is_starting(self, key: Address) -> bool:
        """Return whether messages wait for its start."""
        return key in self._starting

    def deliver(
        self, key: Address, message: Any, answer: Future[Any], to: Ref | None = None
    ) -> None:
        """Give a message to an aggregate or a handler. `to` is the actor, where it is known."""
        if to is not None and key not in self._starting:  # else those that wait for it come first
            to.forward(message, answer)
            return
        with shield():  # an actor that is killed here must not leave a start behind half made
            with self._lock:
                waiting = self._starting.get(key)
                if waiting is not None:
                    waiting.append((message, answer))
                    return
                ref = self.whereis(key)
                if ref is None:
                    self._starting[key] = [(message, answer)]
            if ref is not None:
                self._sent(key, ref)
                ref.forward(message, answer)
            else:
                self._start(key)

    def start_absent(self, keys: Sequence[Named]) -> None:
        """Start those aggregates that do not run, if they are many, before anything is sent to
        them.
        """
        starting, whereis = self._starting, self.whereis
        absent = [key for key in keys if key not in starting and whereis(key) is None]
        if len(absent) >= MANY:
            for first in range(0, len(absent), MOST_TOGETHER):
                self._start_together(absent[first : first + MOST_TOGETHER])

    # -- inside ------------------------------------------------------------------------------------

    def _start(self, key: Address) -> None:
        def take(started: Future[Ref | None]) -> None:
            problem = started.exception()
            self._started({key: started.get() if problem is None else problem})

        start_child_async(self._system.aggregates, self._spec(key)).add_done_callback(take)

    def _start_together(self, keys: Sequence[Named]) -> None:
        histories, starting = self._histories(keys), self._starting
        specs = {key: self._spec(key, histories.get(key)) for key in keys}
        with shield():  # as in `deliver`
            with self._lock:
                # Meanwhile somebody else may have begun with one, or have done so.
                ours = [key for key in keys if key not in starting and self.whereis(key) is None]
                starting.update((key, []) for key in ours)
            if ours:
                answer = start_children_async(self._system.aggregates, [specs[key] for key in ours])
                answer.add_done_callback(partial(self._all_started, ours))

    def _all_started(self, keys: Sequence[Named], answer: Future[list[Any]]) -> None:
        problem = answer.exception()
        outcomes = answer.get() if problem is None else repeat(problem)
        self._started(dict(zip(keys, outcomes, strict=False)))

    def _started(self, outcomes: Mapping[Address, Ref | BaseException | None]) -> None:
        """Give what waits for actors to them, or say why there is none; until nothing waits."""
        starting = self._starting
        left: Iterable[Address] = outcomes
        while left:
            waiting: dict[Address, list[tuple[Any, Future[Any]]]] = {}
            with self._lock:
                for key in left:
                    if starting[key]:
                        waiting[key], starting[key] = starting[key], []
                    else:
                        del starting[key]
            for key, messages in waiting.items():
                started = outcomes[key]
                owner = started if isinstance(started, Ref) else _owner(started)
                if owner is not None:
                    self._sent(key, owner)
                for message, answer in messages:
                    if owner is not None:
                        owner.forward(message, answer)
                    else:
                        answer.try_set_exception(
                            started or NoProcess(self._system.names.name(name_of(key)))
                        )
            left = waiting

    def _histories(self, keys: Sequence[Named]) -> Mapping[Named, StreamHistory]:
        streams = {cls.stream(identity): (cls, identity) for cls, identity in keys}
        most = few_events(self._system.options) - 1
        try:
            found = self._system.store.read_short_streams(streams, most=most)
        except StoreError:
            return {}  # each will read for itself, and say what is wrong
        return {streams[name]: history for name, history in found.items()}

    def _spec(self, key: Address, history: StreamHistory | None = None) -> ChildSpec:
        cls, identity = key
        kind, is_handler = self._kinds.get(cls) or self._kind(cls)
        name = (cls.category, identity)  # its id too: its supervisor's logs have `account/a-1`
        address = self._system.names.name(name)
        if is_handler:
            return kind.of_another(name, self._system, self._bus, name=address)
        if history is None:
            return kind.of_another(name, self._system, identity, name=address)
        return kind.of_another(name, self._system, identity, history, name=address)

    def _kind(self, cls: type[Aggregate[Any]] | type[CommandHandler]) -> tuple[ChildSpec, bool]:
        """Return what all of a class have in common: they are very many, and differ in little."""
        spec = child_spec(cls, restart=TEMPORARY, await_start=False)
        kind = self._kinds[cls] = (spec, issubclass(cls, CommandHandler))
        return kind


def name_of(key: Any) -> tuple[str, str]:
    """Return the key of an address in the registry of names."""
    cls, identity = key
    return (cls.category, identity)


def _owner(refusal: object) -> Ref | None:
    """Return the actor that was there before."""
    return refusal.ref if isinstance(refusal, (AlreadyRegistered, AlreadyStarted)) else None
