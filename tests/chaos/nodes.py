"""The nodes of the tree: how each is found, and how it is seen that it answers again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from ledger_actors import connect
from ledger_actors.application import Application
from ledger_actors.ledger import HANDLERS, PROCESS_MANAGERS, PROJECTORS
from ledger_actors.runtime import JOURNAL, PROJECTION_PROCESS, ReadPosition, consumer_key
from ledger_actors.runtime.projection_messages import Forget
from ledger_actors.store.journal import AppendRequest
from ledger_actors.store.model import Append
from supervision import Ref
from supervision.administration import count_children, which_children
from tests.torture.workload import ACCOUNTS, ASSETS, COMPANIES, PRODUCTS

__all__ = ["ROOT", "Node", "nodes"]

ROOT = "application"
ANSWER_SECONDS = 2.0
"""So long one look waits for an answer; then the node is looked for anew."""

SUPERVISORS = ("aggregates", "projectors", "process_managers")
HOLDERS = (
    ("account", f"a-{ACCOUNTS - 1}"),
    ("company", f"c-{COMPANIES - 1}"),
    ("asset", f"s-{ASSETS - 1}"),
    ("product", f"p-{PRODUCTS - 1}"),
)


@dataclass(frozen=True)
class Node:
    """A place in the tree, whoever holds it.

    `find` returns its actor, `None` while there is none. `look` returns when that actor has
    answered (or, where one is started on demand, whoever was started); it raises where none does.
    """

    name: str
    find: Callable[[], Ref | None]
    look: Callable[[Ref | None], object]


def nodes(application: Application) -> Iterator[Node]:
    """Every node there is, the root first; of aggregates, one of each kind that holds money."""
    whereis, look = application.system.names.whereis, _Looks(application)
    root = application._root
    yield Node(ROOT, lambda: root, look.at_the_root)
    yield Node("registries", look.find_registries, look.at_the_registries)
    yield Node("timers", partial(whereis, "timers"), look.at_the_timers)
    yield Node("real_timers", partial(whereis, "real_timers"), look.at_the_timers)
    yield Node(JOURNAL, partial(whereis, JOURNAL), look.at_the_journal)
    for name in SUPERVISORS:
        yield Node(name, partial(whereis, name), look.at_a_supervisor)
    yield Node(
        PROJECTION_PROCESS, partial(whereis, PROJECTION_PROCESS), look.at_the_projection_process
    )
    for consumer in (*PROJECTORS, *PROCESS_MANAGERS):
        key = consumer_key(consumer.name)
        yield Node(consumer.name, partial(whereis, key), look.at_a_consumer)
    yield Node("daily_cycler", partial(whereis, "daily_cycler"), look.at_one_that_is_told)
    yield Node("endpoint", partial(whereis, "endpoint"), look.at_the_door)
    for kind, identity in HOLDERS:
        holder = partial(look.at_an_aggregate, kind, identity)
        yield Node(kind, partial(whereis, (kind, identity)), holder)
    for handler in HANDLERS:
        name = handler.command.command_type
        address = (handler.category, name)
        yield Node(f"handler of {name}", partial(whereis, address), look.at_one_that_is_told)


class _Looks:
    """How each kind of node is seen to answer."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._system = application.system

    def find_registries(self) -> Ref | None:
        children = which_children(self._application._the_root(), timeout=ANSWER_SECONDS)
        return next((child.ref for child in children if child.id == "registries"), None)

    def at_the_root(self, _: Ref | None) -> None:
        self._application.service.tree()

    def at_the_registries(self, ref: Ref | None) -> None:
        _alive(ref)
        _alive(self._system.names.whereis(JOURNAL))

    def at_the_timers(self, ref: Ref | None) -> None:
        fired = threading.Event()
        timers = self._system.timers if _alive(ref).label == "timers" else self._system.real_timers
        timers.call_after(0.0, fired.set)
        if not fired.wait(ANSWER_SECONDS):
            raise TimeoutError("a timer does not fire")

    def at_the_journal(self, ref: Ref | None) -> None:
        _alive(ref).ask(AppendRequest(Append()), timeout=ANSWER_SECONDS)

    def at_a_supervisor(self, ref: Ref | None) -> None:
        count_children(_alive(ref), timeout=ANSWER_SECONDS)

    def at_a_consumer(self, ref: Ref | None) -> None:
        _alive(ref).ask(ReadPosition(), timeout=ANSWER_SECONDS)

    def at_the_projection_process(self, ref: Ref | None) -> None:
        _alive(ref).ask(Forget("/nothing"), timeout=ANSWER_SECONDS)

    def at_one_that_is_told(self, ref: Ref | None) -> None:
        if _alive(ref).started_at is None or not _alive(ref).actor_inbox.empty():
            raise LookupError("it has not come to its messages")

    def at_the_door(self, _: Ref | None) -> None:
        with connect(self._application.settings.data) as ledger:
            ledger.status()

    def at_an_aggregate(self, kind: str, identity: str, _: Ref | None) -> None:
        bus = self._application.bus
        bus.read(bus.categories[kind], identity).get(timeout=ANSWER_SECONDS)


def _alive(ref: Ref | None) -> Ref:
    if ref is None or not ref.is_alive():
        raise LookupError("nobody is there")
    return ref
