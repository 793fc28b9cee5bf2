"""Pykka's own suite, run against our actors, each on its own thread and on the pool.

The suite is not in Pykka's wheel: it is taken from the source release of the version that is
installed, unpacked outside the repository, and given our `conftest.py`. What differs is listed in
`pykka_differences.py`, case by case, with the reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conformance.external.pykka_differences import DIFFERENCES

HERE = Path(__file__).parent
MODES = ("own-thread", "pooled")
REQUIRED = "PYKKA_SUITE_REQUIRED"
"""The environment variable that makes the lack of the source release a failure: set in CI."""

pytestmark = [pytest.mark.pykka_suite, pytest.mark.external]

Outcomes = dict[str, bool]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pykka's source release, unpacked, with our conftest in the place of theirs."""
    folder = tmp_path_factory.mktemp("pykka")
    version = metadata.version("pykka")
    try:
        download(version, folder)
    except subprocess.CalledProcessError as error:
        problem = f"the source release of Pykka {version} cannot be had: {error.stderr.strip()}"
        if os.environ.get(REQUIRED):
            pytest.fail(problem)
        pytest.skip(problem)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
    theirs = unpacked / "tests" / "conftest.py"
    theirs.rename(theirs.with_name("pykka_own_conftest.py"))
    shutil.copy(HERE / "pykka_conftest.py", theirs)
    return unpacked


def download(version: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "pykka"]
    command += [
        "--disable-pip-version-check",
        "--quiet",
        "--dest",
        str(folder),
        f"pykka=={version}",
    ]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def outcomes(release: Path) -> Outcomes:
    """Each case with its mode, and whether it passed."""
    report = release / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short"]
    command += ["-o", "faulthandler_timeout=60", f"--junitxml={report}", "tests"]
    run = subprocess.run(
        command,
        cwd=release,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert report.is_file(), run.stdout + run.stderr
    return dict(cases(report))


def cases(report: Path) -> Iterator[tuple[str, bool]]:
    for case in ElementTree.parse(report).iter("testcase"):
        module = case.attrib["classname"].removeprefix("tests.")
        failed = any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))
        yield f"{module}::{case.attrib['name']}", not failed


def without_mode(case: str) -> str:
    """`test_ref::test_x[own-thread-3]` is the case `test_ref::test_x`."""
    return case.partition("[")[0]


def mode(case: str) -> str | None:
    parameters = case.partition("[")[2]
    return next((one for one in MODES if parameters.startswith(one)), None)


def test_all_cases_that_have_an_actor_run_in_both_modes(outcomes: Outcomes) -> None:
    counts = {one: sum(mode(case) == one for case in outcomes) for one in MODES}

    assert counts["own-thread"] == counts["pooled"] >= 137


def test_nothing_fails_that_is_not_listed(outcomes: Outcomes) -> None:
    failed = {case for case, passed in outcomes.items() if not passed}

    assert sorted(case for case in failed if without_mode(case) not in DIFFERENCES) == []


def test_what_is_listed_fails_in_both_modes(outcomes: Outcomes) -> None:
    """A difference that has gone away is taken off the list; so is a case that there is no more."""
    must_fail = {f"{case}[{where}]" for case in DIFFERENCES for where in MODES}
    failed = {case for case, passed in outcomes.items() if not passed}

    assert sorted(must_fail - failed) == []
