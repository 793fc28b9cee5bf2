"""What the daemon says while it comes up, and what it says when it is up."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ledger_actors.daemon.program import program
from ledger_actors.daemon.protocol import StatusAnswer
from supervision import Ref, telemetry

REGISTRIES = {"RegistryKeeper": "registries"}
"""The one child without a registered name: it keeps the registry."""


@contextmanager
def announced(log: Any) -> Iterator[None]:
    """Log each actor of the tree as it comes up, in the order in which it does."""

    def tell(event: str, fields: Mapping[str, Any]) -> None:
        if event == telemetry.ACTOR_STARTED and fields["ref"].parent is not None:
            log.info("tree.started", child=child_name(fields["ref"]))

    detach = telemetry.attach(tell)
    try:
        yield
    finally:
        detach()


def child_name(ref: Ref) -> str:
    """The name that the tree shows and `ledger.actor` takes."""
    name = ref.label.partition("@")[0].removeprefix("consumer/")
    return REGISTRIES.get(name, name)


def ready_lines(tree: str, status: StatusAnswer) -> list[str]:
    """The tree, the door, and what to type next; for a person."""
    return [
        "",
        *(f"  {line}" for line in tree.splitlines()),
        "",
        f"  The ledger is up on {status.folder}: {_events(status.head)}. Its door: {status.door}",
        "",
        "  In a second terminal:",
        *(f"    {typed:<34} {what}" for typed, what in _what_to_type()),
        "  Ctrl-C stops it in order.",
        "",
    ]


def _events(head: int) -> str:
    if head == 0:
        return "no events yet"
    return "1 event" if head == 1 else f"{head:,} events"


def _what_to_type() -> list[tuple[str, str]]:
    """In a checkout by way of make, if this was started so."""
    ledger_actors = program()
    by = "make" if "MAKELEVEL" in os.environ else ledger_actors
    return [
        (f"{by} shell", "a Python shell with `ledger` connected to this"),
        (f"{by} demo", "stories of crashes and restarts"),
        (f"{ledger_actors} commands", "what can be sent"),
        (f"{ledger_actors} --help", "send, state, events, tree, import, ..."),
    ]
