"""``python -m ledger_actors`` is the command ``ledger-actors``."""

from __future__ import annotations

from ledger_actors.daemon.cli import main

if __name__ == "__main__":
    main()
