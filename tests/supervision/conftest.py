"""Actors that all tests of this package use, in both ways of running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from supervision import OWN_THREAD, POOLED, Actor, Dispatcher, ManualClock, Ref, spawn
from supervision.testing import wait_for_exit

Start = Callable[..., Ref]


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


@pytest.fixture
def keep() -> Iterator[Callable[[Ref], Ref]]:
    """Stop a tree after the test: `root = keep(Supervisor.start(...))`."""
    roots: list[Ref] = []

    def keep_one(root: Ref) -> Ref:
        roots.append(root)
        return root

    yield keep_one
    for root in roots:
        root.shutdown()
        wait_for_exit(root)
