"""Names for actors: unique or shared, found in O(1), and gone when their owner is.

After Elixir's `Registry <https://hexdocs.pm/elixir/Registry.html>`_. A registry is a table that any
thread reads without a message and without a lock; an actor's end takes its names out before its
supervisor hears of it, so a successor finds its name free. Between the end and that removal the
look-ups pass over it, and a successor may take its place: no look-up returns an actor that has
ended.

There are no partitions: under one interpreter lock eight tables were no faster than one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, Literal

from supervision.actor import Actor
from supervision.errors import AlreadyRegistered, NotRegistered, NotSupported
from supervision.execution import current_ref, shield
from supervision.names import Name
from supervision.ref import Ref
from supervision.registrations import Registration
from supervision.registry_dispatch import Deliver, Entry, deliver_in_parallel
from supervision.registry_listeners import Listener, Listeners, Registered, Unregistered
from supervision.registry_locks import KeyLocks
from supervision.registry_tables import SharedTable, Table, UniqueTable

__all__ = ["Entry", "Name", "Registered", "Registry", "RegistryKeeper", "Unregistered"]

NO_META: Mapping[Hashable, Any] = MappingProxyType({})


class Registry:
    """A table of names. `keys="unique"`: one actor a key; `"duplicate"`: any number.

    All methods may be called from any thread and, but for `lock` and a parallel `dispatch`, wait
    for nobody. Keys are told apart by type: 1, 1.0 and True are three.

    Args:
        name: what it is called in messages to listeners.
        keys: whether a key is for one registration or for many.
        meta: what `meta` returns to begin with, and again after `clear`.

    Example:
        >>> names = Registry("names")
        >>> names.whereis("cashier") is None
        True
    """

    def __init__(
        self,
        name: str,
        *,
        keys: Literal["unique", "duplicate"] = "unique",
        meta: Mapping[Hashable, Any] = NO_META,
    ) -> None:
        if keys not in ("unique", "duplicate"):
            msg = f"keys of registry {name!r} are 'unique' or 'duplicate', not {keys!r}"
            raise ValueError(msg)
        self.registry_name = name
        self.unique = keys == "unique"
        self._lock = threading.RLock()
        self._table: Table = UniqueTable() if self.unique else SharedTable()
        self._listeners = Listeners()
        self._locks = KeyLocks()
        self._meta_at_first = dict(meta)
        self._meta = dict(meta)

    def __repr__(self) -> str:
        return f"<Registry {self.registry_name}: {len(self._table)} registrations>"

    # -- names that come and go --------------------------------------------------------------------

    def name(self, key: Hashable, value: Any = None) -> Name:
        """Return `key` as an address that is looked up at every send.

        An actor that is started under it is registered with `value`.

        Raises:
            NotSupported: the keys are not unique.
        """
        self._must_be_unique("a name")
        return Name(self, key, value)

    def register(self, key: Hashable, ref: Ref, value: Any = None) -> None:
        """Put `ref` under `key`, until it gives the key up or ends.

        An actor that has ended by now is not put in. Under a unique key, one that has ended but
        still stands there makes room.

        Raises:
            AlreadyRegistered: the key is unique and a live actor has it, `ref` itself included;
                nothing has changed.
        """
        if ref.exit_reason is not None:
            return
        registration = Registration(self, key, ref, value)
        with shield():
            with self._lock:
                while (there := self._table.put(registration)) is not registration:
                    if there.ref.exit_reason is None:
                        raise AlreadyRegistered(key, there.ref)
                    self._take_out(there)
                ref.named(registration)
                if self._listeners:
                    self._listeners.note(Registered(self.registry_name, key, ref, value))
            if not ref.is_alive():  # it ended meanwhile, and may not have seen this
                self._take_out(registration)
        self._listeners.tell()

    def unregister(self, key: Hashable, ref: Ref) -> None:
        """Take `ref` out from under `key`, however often it is there; do nothing if it is not."""
        self.unregister_match(key, ref, lambda _: True)

    def unregister_match(self, key: Hashable, ref: Ref, predicate: Callable[[Any], bool]) -> None:
        """Take out those entries of `ref` under `key` whose value `predicate` accepts."""
        ours = [one for one in self._table.under(key) if one.ref is ref]
        for registration in [one for one in ours if predicate(one.value)]:
            self._take_out(registration)
        self._listeners.tell()

    def forget(self, registration: Registration) -> None:
        """Take it out because its actor has ended; called by the actor's end."""
        self._take_out(registration)
        self._listeners.tell()

    def update_value(self, key: Hashable, change: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Replace the calling actor's value by `change(value)`; return the new one and the old one.

        For the owner alone, in its own thread, so that no update is lost; nobody waits meanwhile.

        Raises:
            NotRegistered: the caller is not the actor that has `key`; `change` is not called.
            NotSupported: the keys are not unique.
        """
        self._must_be_unique("update_value")
        owner = current_ref()
        for registration in self._table.under(key):
            if registration.ref is owner:
                old = registration.value
                registration.value = new = change(old)
                return new, old
        raise NotRegistered(key, owner)

    def clear(self) -> None:
        """Take everything out, and put the metadata back to what it was at first."""
        for registration in self._table.everything():
            self._take_out(registration)
        self._meta = dict(self._meta_at_first)
        self._listeners.tell()

    def purge(self) -> None:
        """Take out what an actor that has ended left behind; its end does so as a rule. O(n)."""
        for registration in self._table.everything():
            if registration.ref.exit_reason is not None:
                self._take_out(registration)
        self._listeners.tell()

    # -- looking up --------------------------------------------------------------------------------

    def whereis(self, key: Hashable) -> Ref | None:
        """Return the live actor that has `key`, else `None`.

        Raises:
            NotSupported: the keys are not unique.
        """
        if not isinstance(self._table, UniqueTable):
            raise self._needs_unique_keys("whereis")
        registration = self._table.at(key)
        if registration is None or registration.ref.exit_reason is not None:
            return None
        return registration.ref

    def lookup(self, key: Hashable) -> list[Entry]:
        """Return the entries of all live actors under `key`, first registered first."""
        return [Entry(one.ref, one.value) for one in self._live(key)]

    def values_of(self, key: Hashable, ref: Ref) -> list[Any]:
        """Return the values of `ref` under `key`, first registered first."""
        return [one.value for one in self._live(key) if one.ref is ref]

    def keys_of(self, ref: Ref) -> list[Hashable]:
        """Return the keys that `ref` has here, one for each of its entries."""
        if ref.exit_reason is not None:
            return []
        return [one.key for one in ref.registrations() if one.registry is self]

    def select(self, predicate: Callable[[Hashable, Entry], bool]) -> list[tuple[Hashable, Entry]]:
        """Return all live registrations that `predicate(key, entry)` accepts; O(n)."""
        everything = [
            (one.key, Entry(one.ref, one.value))
            for one in self._table.everything()
            if one.ref.exit_reason is None
        ]
        return [(key, entry) for key, entry in everything if predicate(key, entry)]

    def count(self) -> int:
        """Return the number of registrations; O(1)."""
        return len(self._table)

    def count_of(self, key: Hashable) -> int:
        """Return the number of entries of live actors under `key`."""
        return len(self._live(key))

    # -- doing something about a key ---------------------------------------------------------------

    def dispatch(self, key: Hashable, deliver: Deliver, *, parallel: int | None = None) -> None:
        """Call `deliver` with the entries under `key`; not if there are none.

        In this thread and once; or, with `parallel`, in at most so many threads of its own, each
        with a share of the entries. No actor runs on those. Returns when all have returned.

        Raises:
            Exception: whatever `deliver` raised, in this thread.
            BaseExceptionGroup: what it raised in others.
            ValueError: `parallel` is below one.
        """
        if parallel is not None and parallel < 1:
            msg = f"dispatch needs one thread or more, not {parallel}; None is the caller's own"
            raise ValueError(msg)
        entries = self.lookup(key)
        if not entries:
            return
        if parallel is None:
            deliver(entries)
        else:
            deliver_in_parallel(entries, deliver, parallel)

    def lock(self, key: Hashable, *, timeout: float | None = None) -> AbstractContextManager[None]:
        """Have the lock of `key` within the block: `with names.lock("till"): ...`.

        One actor or thread at a time has it, the others wait in order, at most `timeout` seconds.
        Locks have keys of their own: that a key is registered, or not, has nothing to do with it.
        The end of an actor gives its lock back, whatever the cause.

        Raises:
            CallTimeout: it was not free in time.
            CallCycle: who has it waits, directly or through others, for the caller, or is it.
            ActorDead: the calling actor was abandoned.
        """
        return self._locks.hold(key, timeout=timeout)

    # -- listeners and metadata --------------------------------------------------------------------

    def add_listener(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of each change from now on, in order; return a function that ends it.

        An actor, or whoever has a name, gets `Registered` and `Unregistered` as messages. A
        function is called with them, in the thread that made the change or in another that makes
        one at the time; it should be quick. One that raises is removed and the fact is logged; an
        actor is removed when it ends.
        """
        return self._listeners.add(listener)

    def put_meta(self, key: Hashable, value: Any) -> None:
        """Keep `value` about the registry itself under `key`."""
        self._meta[key] = value

    def meta(self, key: Hashable, default: Any = None) -> Any:
        """Return what `put_meta` has kept under `key`, else `default`."""
        return self._meta.get(key, default)

    def delete_meta(self, key: Hashable) -> None:
        """Forget what is kept under `key`; do nothing if there is nothing."""
        self._meta.pop(key, None)

    # -- inside ------------------------------------------------------------------------------------

    def _take_out(self, registration: Registration) -> None:
        with shield():
            with self._lock:
                if self._table.remove(registration) and self._listeners:
                    self._listeners.note(
                        Unregistered(self.registry_name, registration.key, registration.ref)
                    )
            registration.ref.unnamed(registration)

    def _live(self, key: Hashable) -> list[Registration]:
        return [one for one in self._table.under(key) if one.ref.exit_reason is None]

    def _must_be_unique(self, what: str) -> None:
        if not self.unique:
            raise self._needs_unique_keys(what)

    def _needs_unique_keys(self, what: str) -> NotSupported:
        msg = f"{self.registry_name}: {what} needs unique keys; these are for dispatch"
        return NotSupported(msg)


class RegistryKeeper(Actor):
    """The child that stands for registries in a tree, before all that is registered in them.

    Their tables are empty when it has been stopped. Its crash loses nothing: names belong to their
    owners, so that at no moment two live actors can have one. Under rest_for_one, the owners that
    come after it in the tree are stopped, which frees their names, and started again.
    """

    def __init__(self, registries: Iterable[Registry]) -> None:
        super().__init__()
        self._registries = tuple(registries)

    def on_start(self) -> None:
        """Take out what actors that have ended left behind."""
        for registry in self._registries:
            registry.purge()

    def on_stop(self) -> None:
        """Leave empty tables."""
        for registry in self._registries:
            registry.clear()
