"""Our errors as their sentences, without a traceback, where a person types Python."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from ledger_actors.daemon.errors import LedgerError


def sentence(problem: BaseException) -> str:
    """What a person reads of one of our errors."""
    return f"{type(problem).__name__}: {problem}"


def show_sentences() -> None:
    """In an interactive Python or IPython show our errors so, and all others as before.

    Does nothing in a program that nobody types into.
    """
    ipython = _running_ipython()
    if ipython is not None:
        show_sentences_in(ipython)
    elif hasattr(sys, "ps1") and not getattr(sys.excepthook, "shows_sentences", False):
        sys.excepthook = _hook_over(sys.excepthook)


def show_sentences_in(ipython: Any) -> None:
    """The same in this IPython shell."""

    def show(
        _shell: Any, _kind: type, problem: BaseException, _tb: Any, tb_offset: Any = None
    ) -> None:
        sys.stderr.write(sentence(problem) + "\n")

    ipython.set_custom_exc((LedgerError,), show)


def _running_ipython() -> Any:
    module = sys.modules.get("IPython")
    return None if module is None else module.get_ipython()


def _hook_over(before: Any) -> Any:
    def hook(
        kind: type[BaseException], problem: BaseException, traceback: TracebackType | None
    ) -> None:
        if isinstance(problem, LedgerError):
            sys.stderr.write(sentence(problem) + "\n")
        else:
            before(kind, problem, traceback)

    hook.shows_sentences = True  # type: ignore[attr-defined] # so that it is put in once
    return hook
