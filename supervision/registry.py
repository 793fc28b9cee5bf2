"""Names for actors: unique or shared, found in O(1), and gone when their owner is.

After Elixir's `Registry <https://hexdocs.pm/elixir/Registry.html>`_. A registry is a table that any
thread reads without a message; an actor's end takes its names out before its supervisor hears of
it, so a successor finds its name free and no look-up returns an actor that has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from supervision import telemetry
from supervision.actor import Actor
from supervision.calls import check_cycle
from supervision.errors import AlreadyRegistered, NoProcess, NotSupported
from supervision.execution import shield
from supervision.future import Future
from supervision.ref import Ref

if TYPE_CHECKING:
    from supervision.reasons import ExitReason

__all__ = ["Entry", "Name", "Registered", "Registry", "RegistryKeeper", "Unregistered"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One registration: an actor under a key, with a value that it chose."""

    ref: Ref
    value: Any = None


@dataclass(frozen=True, slots=True)
class Registered:
    """Told to listeners: an actor has a new key."""

    registry: str
    key: Hashable
    ref: Ref
    value: Any


@dataclass(frozen=True, slots=True)
class Unregistered:
    """Told to listeners: an actor has given up a key, or has ended."""

    registry: str
    key: Hashable
    ref: Ref


class _TypedKey:
    """Keys that Python calls equal but that are not the same: 1, 1.0 and True."""

    __slots__ = ("key",)

    def __init__(self, key: Hashable) -> None:
        self.key = key

    def __hash__(self) -> int:
        return hash((type(self.key), self.key))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _TypedKey)
            and type(self.key) is type(other.key)
            and self.key == other.key
        )


class Registry:
    """A table of names. `keys="unique"`: one actor a key; `"duplicate"`: any number.

    All methods may be called from any thread and do not wait for an actor.

    Example:
        >>> names = Registry("names")
        >>> names.whereis("cashier") is None
        True
    """

    def __init__(self, name: str, *, keys: Literal["unique", "duplicate"] = "unique") -> None:
        if keys not in ("unique", "duplicate"):
            msg = f"keys of registry {name!r} are 'unique' or 'duplicate', not {keys!r}"
            raise ValueError(msg)
        self.registry_name = name
        self.unique = keys == "unique"
        self._lock = threading.RLock()
        self._table: dict[Hashable, dict[Ref, Entry]] = {}
        self._listeners: tuple[Callable[[Registered | Unregistered], None], ...] = ()

    def __repr__(self) -> str:
        return f"<Registry {self.registry_name}: {len(self._table)} keys>"

    def name(self, key: Hashable) -> Name:
        """Return `key` as an address that is looked up at every send."""
        if not self.unique:
            msg = f"{self.registry_name}: a name needs a unique registry; use dispatch for this one"
            raise NotSupported(msg)
        return Name(self, key)

    def register(self, key: Hashable, ref: Ref, value: Any = None) -> None:
        """Put `ref` under `key`, until it gives the key up or ends.

        An actor that has ended by now is not put in. Under a unique key, one that has ended but
        still stands there makes room.

        Raises:
            AlreadyRegistered: the key is unique and a live actor has it, `ref` itself included.
        """
        slot = _slot(key)
        with shield(), self._lock:
            entries = self._table.get(slot)
            if self.unique and entries:
                owner = next(iter(entries))
                if owner.is_alive():
                    raise AlreadyRegistered(key, owner)
                del entries[owner]
            self._table.setdefault(slot, {})[ref] = Entry(ref, value)
            ref.named(self, key)
        if not ref.is_alive():
            self.forget(key, ref)
            return
        self._tell(Registered(self.registry_name, key, ref, value))

    def unregister(self, key: Hashable, ref: Ref) -> None:
        """Take `ref` out from under `key`; do nothing if it is not there."""
        ref.unnamed(self, key)
        self.forget(key, ref)

    def forget(self, key: Hashable, ref: Ref) -> None:
        """Take an entry out because its actor has ended; called by the actor's end."""
        slot = _slot(key)
        with shield(), self._lock:
            entries = self._table.get(slot)
            if entries is None or entries.pop(ref, None) is None:
                return
            if not entries:
                del self._table[slot]
        self._tell(Unregistered(self.registry_name, key, ref))

    def update_value(self, key: Hashable, ref: Ref, value: Any) -> bool:
        """Replace the value that `ref` keeps under `key`; return whether it is there."""
        with self._lock:
            entries = self._table.get(_slot(key))
            if entries is None or ref not in entries:
                return False
            entries[ref] = Entry(ref, value)
            return True

    def whereis(self, key: Hashable) -> Ref | None:
        """Return the live actor that has the unique `key`, else `None`."""
        entries = self._table.get(_slot(key))
        if not entries:
            return None
        for ref in tuple(entries):
            if ref.exit_reason is None:
                return ref
        return None

    def lookup(self, key: Hashable) -> list[Entry]:
        """Return the entries of all live actors under `key`, first registered first."""
        with self._lock:
            entries = list(self._table.get(_slot(key), {}).values())
        return [entry for entry in entries if entry.ref.is_alive()]

    def dispatch(self, key: Hashable, deliver: Callable[[Sequence[Entry]], None]) -> None:
        """Call `deliver` with the entries under `key`, in this thread; not if there are none."""
        entries = self.lookup(key)
        if entries:
            deliver(entries)

    def keys_of(self, ref: Ref) -> list[Hashable]:
        """Return the keys that `ref` has here."""
        return [key for registry, key in ref.names() if registry is self]

    def select(self, predicate: Callable[[Hashable, Entry], bool]) -> list[tuple[Hashable, Entry]]:
        """Return all live registrations that `predicate(key, entry)` accepts; O(n)."""
        with self._lock:
            everything = [
                (_key(slot), entry)
                for slot, entries in self._table.items()
                for entry in entries.values()
            ]
        return [
            (key, entry)
            for key, entry in everything
            if entry.ref.is_alive() and predicate(key, entry)
        ]

    def count(self) -> int:
        """Return the number of keys."""
        return len(self._table)

    def add_listener(
        self, listener: Callable[[Registered | Unregistered], None]
    ) -> Callable[[], None]:
        """Call `listener` after each change, in the thread that made it; returns how to stop."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def remove() -> None:
            with self._lock:
                self._listeners = tuple(one for one in self._listeners if one is not listener)

        return remove

    def clear(self) -> None:
        """Take everything out; for the keeper of the registry, when it ends."""
        with self._lock:
            table, self._table = self._table, {}
        for slot, entries in table.items():
            for ref in entries:
                ref.unnamed(self, _key(slot))

    def _tell(self, change: Registered | Unregistered) -> None:
        for listener in self._listeners:
            listener(change)


@dataclass(frozen=True, slots=True)
class Name:
    """An address: whoever has the name when a message is sent, through any number of restarts."""

    registry: Registry
    key: Hashable

    def __str__(self) -> str:
        return "/".join(map(str, self.key)) if isinstance(self.key, tuple) else str(self.key)

    def whereis(self) -> Ref | None:
        """Return the actor that has the name at the moment, else `None`."""
        return self.registry.whereis(self.key)

    def ref(self) -> Ref:
        """Return the actor that has the name at the moment.

        Raises:
            NoProcess: nobody has it.
        """
        ref = self.registry.whereis(self.key)
        if ref is None:
            raise NoProcess(self)
        return ref

    def is_alive(self) -> bool:
        """Return whether somebody has the name."""
        return self.whereis() is not None

    def tell(self, message: Any) -> None:
        """Put `message` into the mailbox of whoever has the name.

        Raises:
            NoProcess: nobody has it.
            ActorDead: its owner ended at this moment.
        """
        self.ref().tell(message)

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """Ask whoever has the name; as `Ref.ask`.

        Raises:
            NoProcess: nobody has it; in the future if not blocking.
        """
        if block:
            ref = self.ref()
            check_cycle(ref)
            return ref.ask(message, timeout=timeout)
        future: Future[Any] = Future()
        self.forward(message, future)
        return future

    def forward(self, message: Any, reply_to: Future[Any] | None) -> None:
        """As `Ref.forward`; where nobody has the name the future gets `NoProcess`."""
        ref = self.registry.whereis(self.key)
        if ref is not None:
            ref.forward(message, reply_to)
        elif reply_to is not None:
            reply_to.try_set_exception(NoProcess(self))

    def signal(self, message: Any) -> None:
        """As `Ref.signal`; where nobody has the name the message is a dead letter."""
        ref = self.registry.whereis(self.key)
        if ref is None:
            telemetry.dead_letters.record(self, message)
        else:
            ref.signal(message)

    def shutdown(self, reason: ExitReason) -> None:
        """As `Ref.shutdown`.

        Raises:
            NoProcess: nobody has the name.
        """
        self.ref().shutdown(reason)

    def kill(self) -> None:
        """As `Ref.kill`.

        Raises:
            NoProcess: nobody has the name.
        """
        self.ref().kill()


class RegistryKeeper(Actor):
    """The child that stands for registries in a tree: they are empty when it has ended."""

    def __init__(self, registries: Iterable[Registry]) -> None:
        super().__init__()
        self._registries = tuple(registries)

    def on_start(self) -> None:
        """Begin with empty tables."""
        for registry in self._registries:
            registry.clear()

    def on_stop(self) -> None:
        """Leave empty tables."""
        for registry in self._registries:
            registry.clear()


def _slot(key: Hashable) -> Hashable:
    # Only numbers have equals of another type; everything else is its own slot.
    return _TypedKey(key) if isinstance(key, (int, float, complex)) else key


def _key(slot: Hashable) -> Hashable:
    return slot.key if isinstance(slot, _TypedKey) else slot
