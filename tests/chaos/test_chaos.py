"""Some seconds of chaos; `make chaos` has ten minutes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.faults import Fault
from tests.chaos.harness import Chaos


@pytest.mark.slow
def test_service_comes_back_from_whatever_is_done_to_a_node(tmp_path: Path) -> None:
    report = Chaos(tmp_path, seed=1, say=lambda _: None).run(seconds=8)
    assert report.wrong == []
    assert {hit.fault for hit in report.hits} == set(Fault)
    assert len({hit.node for hit in report.hits}) > 10
    assert report.slowed
    assert report.abandoned
    assert report.fees
