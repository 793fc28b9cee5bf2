"""What is run on demand only: `pytest -m pykka_suite`, or `make pykka-suite`."""

from __future__ import annotations

import pytest

OPT_IN = "pykka_suite"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the opt-in cases out unless they are asked for by their marker."""
    if OPT_IN in (config.option.markexpr or ""):
        return
    left_out = [item for item in items if item.get_closest_marker(OPT_IN)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
