"""What every test gets: quiet logs, and a failure if it leaves a thread running."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog

import supervision
from supervision.testing import leaked_threads

SUPERVISION = str(Path(supervision.__file__).parent)


class QuietLogger:
    """Takes what is logged and prints nothing; tests that read logs attach their own."""

    def msg(self, message: object, **_: object) -> None:
        """Ignore it."""

    debug = info = warning = error = critical = exception = log = fatal = msg


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()],
        logger_factory=lambda *_: QuietLogger(),
        cache_logger_on_first_use=False,
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = leaked_threads(before)
    assert not left, f"threads left running: {left}"


@contextmanager
def _lines_run() -> Iterator[Callable[[], int]]:
    lines = count()
    going = True

    def in_function(_frame: Any, event: str, _arg: Any) -> Any:
        if event == "line":
            next(lines)
        return in_function if going else None

    def at_call(frame: Any, _event: str, _arg: Any) -> Any:
        if not going:
            sys.settrace(None)  # a worker of a pool that has outlived the count
            return None
        return in_function if frame.f_code.co_filename.startswith(SUPERVISION) else None

    before, before_in_threads = sys.gettrace(), threading.gettrace()
    threading.settrace(at_call)
    sys.settrace(at_call)
    try:
        yield lambda: next(lines)
    finally:
        going = False
        sys.settrace(before)
        threading.settrace(before_in_threads)  # type: ignore[arg-type] # None is none


@pytest.fixture
def lines_run() -> Callable[[], AbstractContextManager[Callable[[], int]]]:
    """Count the lines of `supervision` that run in a block, here and in threads begun in it.

    What scale tests compare: unlike seconds, it does not depend on what else the machine does.
    Call what the block is given for the number so far.
    """
    return _lines_run
