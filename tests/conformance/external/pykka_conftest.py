"""Put in the place of `tests/conftest.py` of Pykka's source release: its fixtures, our actors.

Theirs is kept beside it as `tests/pykka_own_conftest.py`. Two things are restated:

- Our actors are alive, and registered, until their loop has ended, which is after their last hook.
  Some cases look for the end as soon as that hook has run; so the events that the last hooks set
  are seen when the actor has ended.
- A case that is known to wait in vain waits for a moment only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pykka_differences import DIFFERENCES
from tests.pykka_own_conftest import *  # noqa: F403 - all of their fixtures
from tests.pykka_own_conftest import _stop_all  # noqa: F401 - a fixture, too
from tests.types import Events, Runtime

from supervision import OWN_THREAD, POOLED, Actor, Future, current_ref, monitor
from tests import log_handler as their_log_handler

MOMENT = 0.5
_patience = threading.local()


class OwnThreadActor(Actor):
    """Each on a thread of its own, as Pykka's."""

    dispatcher = OWN_THREAD


class PooledActor(Actor):
    """Many on the shared pool."""

    dispatcher = POOLED


class Event(threading.Event):
    """Pykka's `wait(5)` is a moment in a case that waits in vain."""

    def wait(self, timeout: float | None = None) -> bool:
        limit = getattr(_patience, "seconds", None)
        return super().wait(timeout if limit is None or timeout is None else min(limit, timeout))


class EndEvent(Event):
    """Set by an actor's last hook, it is seen when that actor has ended."""

    def set(self) -> None:
        ref = current_ref()
        if ref is None:
            super().set()
        else:
            monitor(ref, lambda _: threading.Event.set(self))


@pytest.fixture(
    scope="session",
    params=[OwnThreadActor, PooledActor],
    ids=["own-thread", "pooled"],
)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    return Runtime(
        name=request.param.__name__,
        actor_class=request.param,
        event_class=Event,
        future_class=Future,
        sleep_func=time.sleep,
    )


@pytest.fixture
def events() -> Events:
    return Events(
        on_start_was_called=Event(),
        on_stop_was_called=EndEvent(),
        on_failure_was_called=EndEvent(),
        greetings_was_received=Event(),
        actor_registered_before_on_start_was_called=Event(),
    )


@pytest.fixture(autouse=True)
def _wait_a_moment_where_it_is_in_vain(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    module = request.module.__name__.removeprefix("tests.")
    if f"{module}::{request.function.__name__}" not in DIFFERENCES:
        yield
        return
    theirs = their_log_handler.PykkaTestLogHandler.wait_for_message

    def briefly(self: Any, level: Any, num_messages: int = 1) -> None:
        theirs(self, level, num_messages, timeout=MOMENT)

    monkeypatch.setattr(their_log_handler.PykkaTestLogHandler, "wait_for_message", briefly)
    _patience.seconds = MOMENT
    yield
    _patience.seconds = None
