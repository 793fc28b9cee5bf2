"""Real input: JSON Lines of commands, and delimited text with a mapping, into a ledger.

From a script:

    summary = importing.run(ledger, Path("commands.jsonl"))
    summary = importing.run(ledger, Path("bank-1993"), mapping=Path("bank-1993.toml"))
    raise SystemExit(summary.exit_status)
"""

from __future__ import annotations

from ledger_actors.importing.errors import ImportingError, MappingError, UnusableFile
from ledger_actors.importing.run import DEFAULT_WINDOW, Sender, run
from ledger_actors.importing.summary import UNUSABLE, ImportSummary, Problem, StageSummary

__all__ = [
    "DEFAULT_WINDOW",
    "UNUSABLE",
    "ImportSummary",
    "ImportingError",
    "MappingError",
    "Problem",
    "Sender",
    "StageSummary",
    "UnusableFile",
    "run",
]
