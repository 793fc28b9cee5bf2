"""Trees that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from supervision import Ref
from supervision.testing import wait_for_exit


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
