"""Some dozens of seeds, and that the simulation is one: it can be had again, and it finds mistakes.

`make simulate SEEDS=...` runs more. A seed that has failed once becomes a test, with its cause.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import count, islice

import pytest

from tests.simulation.clients import is_crowded
from tests.simulation.mutants import MUTANTS
from tests.simulation.seeds import Seeds

SOME = range(30)

BOUND = 60
"""So many of the crowded seeds a planted mistake may take to be found."""


@pytest.fixture(scope="module")
def seeds() -> Iterator[Seeds]:
    """A place to run them in."""
    with Seeds() as made:
        yield made


@pytest.mark.parametrize("seed", SOME)
def test_what_always_holds_does_under_a_seed(seeds: Seeds, seed: int) -> None:
    assert seeds.run(seed).wrong == []


def test_seeds_have_kills_crashes_days_and_programs_that_are_killed(seeds: Seeds) -> None:
    reports = [seeds.run(seed) for seed in range(12)]
    assert any(report.kills and report.crashes for report in reports)
    assert any(report.programs > 1 for report in reports)
    assert any(report.fees > 4 for report in reports)  # more than the first day's
    assert len({report.trace for report in reports}) == len(reports)


@pytest.mark.parametrize("seed", [3, 7])
def test_a_seed_is_the_same_run_again(seeds: Seeds, seed: int) -> None:
    first = seeds.run(seed)
    assert first.kills + first.crashes > 10
    assert seeds.run(seed) == first
    assert first.trace in in_another_process(seed)


def in_another_process(seed: int) -> str:
    """What `python -m tests.simulation` says of a seed, where strings have other hashes."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seeds=1", f"--from={seed}", "--show"],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("mutant", "found_as"),
    [
        ("the_journal_answers_before_the_commit", "is acknowledged, and event .* is not on disk"),
        ("nobody_looks_at_what_a_command_rests_on", "leaves .* at -|one by one it leads to"),
        (
            "a_consumer_does_not_skip_what_it_has_seen",  # which its table may refuse: it crashes
            "in a replay from zero|went back from|nobody was hit, and there were . restarts",
        ),
    ],
)
def test_a_planted_mistake_is_found(seeds: Seeds, mutant: str, found_as: str) -> None:
    crowded = islice(filter(is_crowded, count()), BOUND)
    with MUTANTS[mutant]():
        found = next((wrong for seed in crowded if (wrong := seeds.run(seed).wrong)), None)
    assert found, f"{BOUND} seeds find nothing"
    assert re.search(found_as, found[0])
