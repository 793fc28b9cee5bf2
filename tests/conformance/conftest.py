"""Trees that end with their test, and ways to see what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from supervision import Future, Ref, monitor
from supervision.dynamic_supervisor import DynamicSupervisor
from supervision.reasons import ExitReason
from supervision.supervisor import Supervisor
from supervision.testing import HANG, wait_for_exit

Supervise = Callable[..., Ref]
Watch = Callable[[Ref], Callable[[], ExitReason]]


@pytest.fixture
def roots() -> Iterator[list[Ref]]:
    """The trees of the test; they are stopped after it."""
    refs: list[Ref] = []
    yield refs
    for ref in refs:
        ref.shutdown()
        wait_for_exit(ref)


@pytest.fixture
def supervise(roots: list[Ref]) -> Supervise:
    """Start a static supervisor: `supervise(spec, spec, flags=..., clock=...)`."""

    def start(*children: Any, **options: Any) -> Ref:
        flags = options.pop("flags", None)
        args = (list(children),) if flags is None else (list(children), flags)
        roots.append(Supervisor.start(*args, **options))
        return roots[-1]

    return start


@pytest.fixture
def dynamic(roots: list[Ref]) -> Supervise:
    """Start a dynamic supervisor: `dynamic(flags=..., max_children=...)`."""

    def start(**options: Any) -> Ref:
        flags = options.pop("flags", None)
        roots.append(DynamicSupervisor.start(*(() if flags is None else (flags,)), **options))
        return roots[-1]

    return start


@pytest.fixture
def watch() -> Watch:
    """Monitor an actor from now on; call what is returned to wait for its exit reason."""

    def begin(ref: Ref) -> Callable[[], ExitReason]:
        reason: Future[ExitReason] = Future()
        monitor(ref, lambda down: reason.set(down.reason))
        return lambda: reason.get(timeout=HANG)

    return begin
