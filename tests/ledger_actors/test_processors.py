"""How many processors the daemon's threads run on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from structlog.testing import capture_logs

from ledger_actors import connect
from ledger_actors.daemon import foreground
from ledger_actors.demos.daemon_process import DaemonProcess
from ledger_actors.processors import keep_to

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the call")

T = TypeVar("T")


def elsewhere(work: Callable[[], T]) -> T:
    """Return what `work` returns in a thread of its own, whose processors are its own as well."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def mine() -> set[int]:
    return os.sched_getaffinity(0)


def test_a_thread_and_those_that_it_starts_keep_to_as_many_as_were_named() -> None:
    before = mine()

    def both() -> tuple[set[int], set[int]]:
        keep_to(1)
        return mine(), elsewhere(mine)

    here, started = elsewhere(both)
    assert here == started
    assert len(here) == 1
    assert here <= before
    assert mine() == before, "another thread's are its own"


@pytest.mark.parametrize("count", [0, 10_000])
def test_all_that_there_are_is_as_before(count: int) -> None:
    def after() -> set[int]:
        keep_to(count)
        return mine()

    assert elsewhere(after) == mine()


@pytest.mark.external
def test_all_threads_of_the_daemon_run_on_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with DaemonProcess(data, LEDGER_ENV="test"), connect(data) as ledger:
        tasks = Path(f"/proc/{ledger.status().pid}/task")
        threads = [int(thread.name) for thread in tasks.iterdir()]
        used = {frozenset(os.sched_getaffinity(thread)) for thread in threads}
    assert len(threads) > 10
    assert len(used) == 1
    assert len(next(iter(used))) == 1


def test_where_the_system_refuses_it_the_daemon_says_so_and_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    with capture_logs() as logged:
        foreground._choose_processors(1)
    (event,) = logged
    assert event["event"] == "ledger.processors_not_chosen"
    assert "Operation not permitted" in event["reason"]
