"""What an actor is called: by Pykka, by people, and in registries.

An actor keeps its own names, so that its end finds them; a lock guards them, since any thread may
give or take one.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Hashable
from itertools import count
from typing import TYPE_CHECKING, Any

import pykka

from supervision.registrations import Held, Registration, all_of, label_of, with_one, without

if TYPE_CHECKING:
    from supervision.registry import Registry

__all__ = ["Identity"]

_urns = threading.Lock()
_naming = threading.RLock()
_UNNAMED: Any = object()
_numbers = count(1)


class Identity(pykka.ActorRef[Any]):
    """The part of a reference that says which actor it is."""

    # What most actors never have is a default of the class and costs them nothing.
    in_pykka_registry = False
    _urn: str | None = None
    _number: int | None = None

    def __init__(self) -> None:
        # Not Pykka's __init__: a UUID and an event for each of a million actors cost too much.
        self._names: Held = None
        self._first_name: Hashable = _UNNAMED

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """Pykka's name of the actor, made when it is first asked for."""
        with _urns:
            if self._urn is None:
                self._urn = uuid.uuid4().urn
        return self._urn

    @property
    def label(self) -> str:
        """The first name that it was registered under, else its class and a number; for people.

        The number is given when it is first asked for, and to no other actor of the program.
        """
        if self._first_name is _UNNAMED:
            # dict.setdefault is atomic: all who ask at once get the same.
            number = self._number or self.__dict__.setdefault("_number", next(_numbers))
            return f"{self.actor_class.__name__}@{number}"
        return label_of(self._first_name)

    def named(self, registration: Registration) -> None:
        """Remember a name, to give it up at the end; called by registries."""
        with _naming:
            self._names = with_one(self._names, registration)
            if self._first_name is _UNNAMED:
                self._first_name = registration.key

    def unnamed(self, registration: Registration) -> None:
        """Forget a name that was given up; called by registries."""
        with _naming:
            self._names = without(self._names, registration)

    def registrations(self) -> tuple[Registration, ...]:
        """Return what registries keep of it; none once it has ended."""
        return all_of(self._names)

    def give_up_names(self) -> tuple[Registration, ...]:
        """Return what registries keep of it, and keep it here no longer; called by the end."""
        with _naming:
            registrations, self._names = all_of(self._names), None
        return registrations

    def names(self) -> list[tuple[Registry, Hashable]]:
        """Return the registries and keys under which it can be found."""
        return [(one.registry, one.key) for one in self.registrations()]

    def join_pykka_registry(self) -> None:
        """Show the actor in Pykka's own registry, as `Actor.start` does."""
        self.in_pykka_registry = True
        pykka.ActorRegistry.register(self)
