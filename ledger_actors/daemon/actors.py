"""Finding actors by the names that a person uses, and what may be done to them from outside."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from ledger_actors.daemon.errors import ActorMissing, BadRequest, NotFound
from ledger_actors.daemon.messages import actor_message, answer_as_json
from ledger_actors.daemon.protocol import ActorAction, ActorInfo
from ledger_actors.runtime import Aggregate, Command, CommandBus, System, consumer_key
from supervision import Future, Ref
from supervision.administration import which_children
from supervision.children import ChildInfo, ChildState
from supervision.terms import SUPERVISOR

ASK_SECONDS = 10.0


class CrashRequested(Exception):
    """Somebody made this actor crash, from a shell or a demo."""


class Actors:
    """The actors of one tree by name: aggregates by (category, id), all others by one word."""

    def __init__(self, system: System, bus: CommandBus, root: Ref) -> None:
        self._system = system
        self._bus = bus
        self._root = root

    def info(self, name: str, identity: str | None) -> ActorInfo:
        """What an actor is doing; an aggregate that does not run is `passive`."""
        if identity is not None:
            kind = self.aggregate(name)
            ref = self._system.names.whereis((name, identity))
            if ref is None:
                return ActorInfo(f"{name}/{identity}", kind.__name__, "passive")
            return self._info(ref, None)
        child = self._child(name)
        if child is None:
            return self._info(self.find(name), None)
        state = ChildState.STOPPED if name in self._system.stopped else child.state
        if child.ref is None or state is ChildState.STOPPED:  # it may still be about to end
            return ActorInfo(name, "", str(state.value), restarts=child.restarts)
        return self._info(child.ref, child)

    def find(self, name: str, identity: str | None = None) -> Ref:
        """The running actor of that name.

        Raises:
            ActorMissing: nobody has it at the moment.
        """
        ref = self._whereis(name, identity)
        if ref is None and identity is not None:
            raise ActorMissing(f"{name}/{identity} does not run now; its next command starts it")
        if ref is None:
            raise ActorMissing(f"there is no actor {name!r} now; ledger.tree() shows who there is")
        return ref

    def aggregate(self, category: str) -> type[Aggregate[Any]]:
        """The class of a category of aggregates. NotFound where there is none."""
        kind = self._bus.categories.get(category)
        if kind is None:
            known = ", ".join(sorted(self._bus.categories))
            raise NotFound(f"there are no aggregates of kind {category!r}; there are {known}")
        return kind

    def act(self, name: str, identity: str | None, action: ActorAction) -> Any:
        """Tell, ask, kill or crash; only asking waits. Commands are the service's matter."""
        if action.action == "kill":
            return self.find(name, identity).kill()
        if action.action == "crash":
            return self.find(name, identity).crash(CrashRequested(str(action.message)))
        message = actor_message(action.message)
        if action.action == "tell":
            return self._tell(name, identity, message)
        answer = self._ask(name, identity, message)
        return answer_as_json(answer.get(timeout=action.timeout or ASK_SECONDS))

    def check_addressee(self, name: str, identity: str | None, command: Command) -> None:
        """Refuse a command that is not for this aggregate.

        Raises:
            BadRequest: it is for another one, or for a command handler.
        """
        field = None if identity is None else self.aggregate(name).commands.get(type(command))
        if field is None:
            kind, shown = type(command).__name__, name if identity is None else f"a {name}"
            raise BadRequest(f"{kind} is no command to {shown}: use ledger.send")
        if getattr(command, field) != identity:
            other = getattr(command, field)
            raise BadRequest(f"this command is for another {name}: {other}, not {identity}")

    def _tell(self, name: str, identity: str | None, message: Any) -> None:
        if identity is None:
            self.find(name).tell(message)
        else:
            self._bus.actors.deliver((self.aggregate(name), identity), message, Future())

    def _ask(self, name: str, identity: str | None, message: Any) -> Future[Any]:
        if identity is None:
            answer: Future[Any] = self.find(name).ask(message, block=False)
        else:
            answer = Future()
            self._bus.actors.deliver((self.aggregate(name), identity), message, answer)
        return answer

    def _whereis(self, name: str, identity: str | None) -> Ref | None:
        names = self._system.names
        if identity is not None:
            self.aggregate(name)
            return names.whereis((name, identity))
        if name == "application":
            return self._root
        keys: tuple[Hashable, ...] = (name, consumer_key(name), ("handler", name))
        found = next((ref for key in keys if (ref := names.whereis(key)) is not None), None)
        if found is None and (child := self._child(name)) is not None:
            return child.ref
        return found

    def _child(self, name: str) -> ChildInfo | None:
        children = self._static_children(self._root)
        return next((child for child in children if child.id == name), None)

    def _static_children(self, supervisor: Ref) -> Iterator[ChildInfo]:
        for child in which_children(supervisor, timeout=ASK_SECONDS):
            yield child
            if child.type is SUPERVISOR and child.ref is not None and child.id != "aggregates":
                yield from self._static_children(child.ref)

    def _info(self, ref: Ref, child: ChildInfo | None) -> ActorInfo:
        told = ref.info()
        crash = child.last_crash if child is not None else None
        return ActorInfo(
            address=told.label.removeprefix("consumer/"),
            actor_class=told.actor_class,
            status="running" if told.alive else str(told.exit_reason),
            name=told.label,
            mailbox=told.mailbox,
            restarts=None if child is None else child.restarts,
            last_crash=None if crash is None else f"{crash.at.isoformat()} {crash.reason}",
            details={"handled": told.handled},
        )
