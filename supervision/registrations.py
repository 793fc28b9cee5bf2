"""One actor under one key: what a registry and the actor both keep, so that either side is O(1).

Also what makes two keys the same one. Python takes 1, 1.0, True and `Decimal(1)` for equal, and a
`StrEnum` member for its string; Erlang's `=:=` does not, and neither do names.
"""

from __future__ import annotations

import operator
from collections.abc import Hashable
from numbers import Number
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from supervision.ref import Ref
    from supervision.registry import Registry

__all__ = ["Held", "Registration", "all_of", "label_of", "slot_of", "with_one", "without"]


class Registration:
    """One actor under one key of one registry.

    Compared by identity: a late removal of one that was replaced removes nothing.
    """

    __slots__ = ("key", "ref", "registry", "value")

    def __init__(self, registry: Registry, key: Hashable, ref: Ref, value: Any) -> None:
        self.registry = registry
        self.key = key
        self.ref = ref
        self.value = value


# One name, as most actors have, needs no dict around it.
Held: TypeAlias = Registration | dict[Registration, None] | None
"""What an actor keeps of its names."""


def with_one(held: Held, registration: Registration) -> Held:
    """Return `held` with one more; it may have been changed."""
    if held is None:
        return registration
    if isinstance(held, dict):
        held[registration] = None
        return held
    return {held: None, registration: None}


def without(held: Held, registration: Registration) -> Held:
    """Return `held` without one, if it was there; it may have been changed."""
    if isinstance(held, dict):
        held.pop(registration, None)
        return held or None
    return None if held is registration else held


def all_of(held: Held) -> tuple[Registration, ...]:
    """Return all, the first first."""
    if held is None:
        return ()
    return tuple(held) if isinstance(held, dict) else (held,)


class _TypedKey:
    """A key that Python may call equal to one of another type."""

    __slots__ = ("key", "type")

    def __init__(self, key: Hashable, type_: type) -> None:
        self.key = key
        self.type = type_

    def __hash__(self) -> int:
        return hash((self.type, self.key))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _TypedKey)
            and self.type is other.type
            and (self.key is other.key or self.key == other.key)  # nan is not even itself
        )


def slot_of(key: Hashable) -> Hashable:
    """Return what stands for `key` in a table: equal only for the same key of the same type.

    Numbers, strings and tuples are told apart by type, tuples also by what is in them. Any other
    kind of key is left to its own `__eq__`.
    """
    kind = type(key)
    if kind is str:
        return key
    if isinstance(key, tuple):
        if kind is tuple:  # of strings, as a rule, and it is looked at with every send
            for part in key:
                if type(part) is not str:
                    break
            else:
                return key
        slots = tuple(map(slot_of, key))
        if kind is tuple and all(map(operator.is_, slots, key)):
            return key  # and no copy of it is kept
        return _TypedKey(slots, kind)
    return _TypedKey(key, kind) if isinstance(key, (Number, str)) else key


def label_of(key: Hashable) -> str:
    """Return `key` for people: the parts of a tuple with slashes between."""
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
