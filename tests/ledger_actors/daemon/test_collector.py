"""The collector's pauses stay short however many aggregates are started."""

from __future__ import annotations

import gc

from ledger_actors.daemon import collector


def test_what_a_start_has_made_is_not_gone_over_and_pauses_stay_short() -> None:
    before = gc.get_threshold()
    restore = collector.settle()
    try:
        frozen = gc.get_freeze_count()
        youngest, middle, _ = gc.get_threshold()
    finally:
        restore()

    assert frozen > 0
    if not collector.IS_INCREMENTAL:
        assert youngest * (middle + 2) <= 200_000  # objects, of some 0.15 us each
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
