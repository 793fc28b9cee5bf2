"""The library that lets system calls go wrong; tests that need it skip where none can be built."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.interposer import Interposer, NoCompiler, build
from tests.faults.store_process import StoreProcess


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build(tmp_path_factory.mktemp("interposer"))
    except NoCompiler as reason:
        pytest.skip(f"no faults below SQLite here: {reason}")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """What a power cut would leave of the store's files."""
    return tmp_path / "disk"


@pytest.fixture
def faults(library: Path, tmp_path: Path, disk: Path) -> Interposer:
    return Interposer(library, tmp_path, disk=disk)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path, faults: Interposer) -> Iterator[StoreProcess]:
    """A store with three events, in a process whose calls can go wrong."""
    with StoreProcess(folder, faults.environment) as process:
        process.open()
        for number in (1, 2, 3):
            process.append(f"c{number}")
        yield process
