"""What every test gets: quiet logs, and a failure if it leaves a thread running.

And what tests of actors ask for: actors in both ways of running, and time that stands still.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import structlog

from supervision import OWN_THREAD, POOLED, Actor, Dispatcher, ManualClock, Ref, spawn
from supervision.testing import leaked_threads, wait_for_exit

Start = Callable[..., Ref]

# No assertion is timed: a machine that is busy elsewhere is no bug of ours.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


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


@pytest.fixture
def cpu_seconds() -> Callable[..., float]:
    """Measure the processor time that this process takes for `work(prepare())`: the best of three.

    What scale tests compare: what else the machine does is no part of it.
    """

    def measure(prepare: Callable[[], Any], work: Callable[[Any], object]) -> float:
        def once() -> float:
            prepared = prepare()
            begun = time.process_time()
            work(prepared)
            return time.process_time() - begun

        return max(0.001, min(once() for _ in range(3)))

    return measure


@pytest.fixture(params=[OWN_THREAD, POOLED], ids=["own-thread", "pooled"])
def dispatcher(request: pytest.FixtureRequest) -> Dispatcher:
    """Each test that starts an actor runs in both ways."""
    chosen: Dispatcher = request.param
    return chosen


@pytest.fixture
def start(dispatcher: Dispatcher) -> Iterator[Start]:
    """Start an actor, and end it after the test."""
    refs: list[Ref] = []

    def start_one(actor_class: type[Actor], *args: Any, **options: Any) -> Ref:
        refs.append(spawn(actor_class, args, dispatcher=dispatcher, **options))
        return refs[-1]

    yield start_one
    for ref in refs:
        ref.kill()
        wait_for_exit(ref)


@pytest.fixture
def clock() -> ManualClock:
    """Time that stands still."""
    return ManualClock()
