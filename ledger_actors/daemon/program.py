"""How the command line is typed here, for the sentences that say what to type."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

__all__ = ["program"]

NAME = "ledger-actors"


def program() -> str:
    """By its name where the PATH finds it, else by its path: `.venv/bin/ledger-actors`."""
    if shutil.which(NAME):
        return NAME
    beside = Path(sys.executable).with_name(NAME)
    if not beside.exists():
        return f"{sys.executable} -m ledger_actors"
    here = Path.cwd()
    return str(beside.relative_to(here) if beside.is_relative_to(here) else beside)
