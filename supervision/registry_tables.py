"""The tables of a registry: one registration a key, or any number.

Writers hold the registry's lock. Readers hold none: each method that reads takes its copy in one
step of the interpreter, so it sees the table before a change or after it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

from supervision.registrations import Registration, slot_of

__all__ = ["SharedTable", "Table", "UniqueTable"]


class Table(Protocol):
    """Registrations by key."""

    def put(self, registration: Registration) -> Registration:
        """Add a registration; return it, or the one that is in its way."""

    def remove(self, registration: Registration) -> bool:
        """Take it out; return whether it was there."""

    def under(self, key: Hashable) -> Sequence[Registration]:
        """Return what is under `key`, first registered first."""

    def everything(self) -> Sequence[Registration]:
        """Return all registrations."""

    def __len__(self) -> int:
        """Return how many registrations there are."""


class UniqueTable:
    """One registration a key."""

    __slots__ = ("_by_slot",)

    def __init__(self) -> None:
        self._by_slot: dict[Hashable, Registration] = {}

    def __len__(self) -> int:
        return len(self._by_slot)

    def put(self, registration: Registration) -> Registration:
        """Add a registration, if nobody has the key; return the one that has it then."""
        return self._by_slot.setdefault(slot_of(registration.key), registration)

    def remove(self, registration: Registration) -> bool:
        """Take it out; return whether it was there, and not another in its place."""
        slot = slot_of(registration.key)
        if self._by_slot.get(slot) is not registration:
            return False
        del self._by_slot[slot]
        return True

    def at(self, key: Hashable) -> Registration | None:
        """Return the one that has `key`, if any."""
        return self._by_slot.get(slot_of(key))

    def under(self, key: Hashable) -> Sequence[Registration]:
        """Return the one that has `key`, if any."""
        registration = self.at(key)
        return () if registration is None else (registration,)

    def everything(self) -> Sequence[Registration]:
        """Return all registrations."""
        return list(self._by_slot.values())


class SharedTable:
    """Any number of registrations a key, also several of one actor."""

    __slots__ = ("_by_slot", "_count")

    def __init__(self) -> None:
        self._by_slot: dict[Hashable, dict[Registration, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, registration: Registration) -> Registration:
        """Add a registration, as the last one of its key, and return it."""
        self._by_slot.setdefault(slot_of(registration.key), {})[registration] = None
        self._count += 1
        return registration

    def remove(self, registration: Registration) -> bool:
        """Take it out; return whether it was there."""
        slot = slot_of(registration.key)
        here = self._by_slot.get(slot, {})
        if registration not in here:
            return False
        del here[registration]
        self._count -= 1
        if not here:
            del self._by_slot[slot]
        return True

    def under(self, key: Hashable) -> Sequence[Registration]:
        """Return what is under `key`, first registered first."""
        return tuple(self._by_slot.get(slot_of(key), ()))

    def everything(self) -> Sequence[Registration]:
        """Return all registrations."""
        found: list[Registration] = []
        for here in list(self._by_slot.values()):
            found.extend(here)
        return found
