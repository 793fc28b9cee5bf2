"""What the daemon says while it comes up, and what it says when it is up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ledger_actors.daemon.protocol import StatusAnswer
from supervision import telemetry


@contextmanager
def announced(log: Any) -> Iterator[None]:
    """Log each actor of the tree as it comes up, in the order in which it does."""

    def tell(event: str, fields: Mapping[str, Any]) -> None:
        if event == telemetry.ACTOR_STARTED and fields["ref"].parent is not None:
            log.info("tree.started", child=fields["ref"].label.partition("@")[0])

    detach = telemetry.attach(tell)
    try:
        yield
    finally:
        detach()


def ready_lines(tree: str, status: StatusAnswer) -> list[str]:
    """The tree, the door, and what to type next; for a person."""
    head = f"{status.head:,} events" if status.head else "no events yet"
    return [
        "",
        *(f"  {line}" for line in tree.splitlines()),
        "",
        f"  The ledger is up on {status.folder}: {head}. Its door: {status.door}",
        "",
        "  In a second terminal:",
        "    make shell                      a Python shell with `ledger` connected to this",
        "    ledger-actors commands          what can be sent; send, state, events, tree, ...",
        "    make demo                       stories of crashes and restarts",
        "  Ctrl-C stops it in order.",
        "",
    ]
