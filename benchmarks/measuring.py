"""Figures: the median of several runs and their spread, beside a peer's of the same minutes."""

from __future__ import annotations

import gc
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from benchmarks.targets import Target

P = ParamSpec("P")
T = TypeVar("T")
_CHUNK = 1024 * 1024
Rates = Mapping[str, float]
"""What one run of a job measured, by name."""

Job = Callable[[Path], Rates]
"""One run, in a new folder that is removed after it."""


class Wrong(Exception):
    """A benchmark did not do what it measured: events are missing, or `verify` is not clean."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The same figure of several runs."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def percentile(self, hundredth: float) -> float:
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(len(ordered) * hundredth / 100))]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: ours, the peer's, and what was asked for. `theirs` is None where there is no peer,
    or where it is not installed; `peer` says which.
    """

    what: str
    unit: str
    ours: Sample
    peer: str = ""
    theirs: Sample | None = None
    target: Target | None = None

    @property
    def ratios(self) -> Sample | None:
        """Ours in terms of the peer's, run by run: each with the peer's of the same minute."""
        if self.theirs is None:
            return None
        pairs = zip(self.ours.values, self.theirs.values, strict=True)
        return Sample(tuple(ours / theirs for ours, theirs in pairs))

    @property
    def reached(self) -> bool | None:
        """Whether the target is; None where there is none, or no peer to judge it by."""
        if self.target is None:
            return None
        judged = self.ratios if self.target.of_peer else self.ours
        return None if judged is None else self.target.admits(judged.median)


def interleaved(repeats: int, jobs: Iterable[Job]) -> dict[str, Sample]:
    """Run the jobs in turn, several times, and return what they measured by name.

    A minute in which the machine is busy elsewhere then hits all of them.
    """
    values: dict[str, list[float]] = {}
    jobs = list(jobs)
    for _ in range(repeats):
        for job in jobs:
            with folder() as place:
                gc.collect()
                for name, value in job(place).items():
                    values.setdefault(name, []).append(value)
    return {name: Sample(tuple(taken)) for name, taken in values.items()}


def rate(count: int, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> float:
    """Do it, and return how many a second that was."""
    return count / seconds(work, *args, **kwargs)


def rate_and_cpu(
    count: int, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> tuple[float, float]:
    """Do it; return how many a second, and the microseconds of processor time of each.

    The latter is what a machine that is busy elsewhere changes least.
    """
    began = time.process_time()
    found = rate(count, work, *args, **kwargs)
    return found, (time.process_time() - began) / count * 1e6


def seconds(work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> float:
    """Do it, and return how long it took."""
    began = time.perf_counter()
    work(*args, **kwargs)
    return time.perf_counter() - began


def ensure(holds: bool, what: str) -> None:
    """Raise `Wrong` where something does not hold."""
    if not holds:
        raise Wrong(what)


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as place:
        yield Path(place)


def isolated(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a module's function in a new process, whose memory is its own; return its answer."""
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned) as process:
        return process.submit(work, *args, **kwargs).result()


def read_once(path: Path) -> None:
    """Have a file in the system's cache, so that what is measured is no disk.

    A virtual machine may be made to give back pages that nobody has used for a while, though it has
    memory for them.
    """
    with path.open("rb", buffering=0) as file:
        while file.read(_CHUNK):
            pass


def resident_bytes() -> int:
    """Return the memory that this process holds."""
    return _resident_bytes("self")


def resident_bytes_with_children() -> int:
    """Return the memory that this process and those that it has started hold together."""
    held = resident_bytes()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # one that has just ended
            for child in (thread / "children").read_text().split():
                held += _resident_bytes(child)
    return held


def _resident_bytes(process: str) -> int:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize()
