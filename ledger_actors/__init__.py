"""An event-sourced ledger that keeps running, on supervised Pykka actors.

``connect()`` gives the ledger of a running daemon; ``Ledger.open("data")`` starts the same tree
inside this process. Both are loaded when they are first used, so that importing a part of the
library (the store, the runtime) does not import the daemon, its server and its client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_actors._version import __version__ as __version__

if TYPE_CHECKING:
    from ledger_actors.ledger_api import Ledger, connect

__all__ = ["Ledger", "connect"]


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for."""
    if name in __all__:
        from ledger_actors import ledger_api

        return getattr(ledger_api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names that tab completion shows, loaded or not."""
    return sorted({*globals(), *__all__})
