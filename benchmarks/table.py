"""The table: what was measured, on which machine, with which versions; as Markdown."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measuring import Figure, Sample

BEGIN, END = "<!-- the table begins -->", "<!-- the table ends -->"
PACKAGES = ("ledger-actors", "pykka", "msgspec", "eventsourcing")
_HEAD = ("Target", "", "Ours", "Peer", "Peer's", "Ratio", "Asked for", "")


def table(subjects: Mapping[str, Sequence[Figure]], *, how: str) -> str:
    """Return all figures by subject; `how` says how much the run did."""
    parts = [_machine(), f"Run: {how}. Each figure: the median (lowest to highest) of its runs."]
    parts += [_section(name, figures) for name, figures in subjects.items()]
    return "\n\n".join(parts) + "\n"


def put(text: str, into: Path) -> None:
    """Write the table to a file; in a document that has its place marked, to that place.

    Raises:
        OSError: the file cannot be read or written.
    """
    before, after = "", ""
    if into.exists():
        document = into.read_text()
        if BEGIN in document and END in document:
            before = document.partition(BEGIN)[0] + BEGIN + "\n\n"
            after = "\n" + END + document.partition(END)[2]
    into.parent.mkdir(parents=True, exist_ok=True)
    into.write_text(before + text + after)


def _machine() -> str:
    versions = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    versions += [f"{name} {_version(name)}" for name in PACKAGES]
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    day = datetime.now(UTC).date().isoformat()
    return (
        f"{day}, {platform.system()} {platform.release()} on {platform.machine()}, {_processor()}, "
        f"{cores} cores, load {load:.1f} at the end.\n{', '.join(versions)}."
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    for line in _cpu_lines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _cpu_lines() -> Iterator[str]:
    told = Path("/proc/cpuinfo")
    if sys.platform == "linux" and told.exists():
        yield from told.read_text().splitlines()


def _section(name: str, figures: Iterable[Figure]) -> str:
    rows = [_HEAD, ("---",) * len(_HEAD), *map(_row, figures)]
    return f"### {name.capitalize()}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(figure: Figure) -> tuple[str, ...]:
    target, ratios = figure.target, figure.ratios
    return (
        "" if target is None else target.key,
        figure.what,
        f"{_sample(figure.ours)} {figure.unit}",
        figure.peer,
        _theirs(figure),
        "" if ratios is None else f"{_sample(ratios)} ×",
        "" if target is None else str(target),
        _verdict(figure),
    )


def _theirs(figure: Figure) -> str:
    if figure.theirs is not None:
        return _sample(figure.theirs)
    return "not installed" if figure.peer else ""


def _verdict(figure: Figure) -> str:
    if figure.target is None:
        return ""
    if figure.reached is None:
        return "not judged: no peer"
    return "reached" if figure.reached else "**not reached**"


def _sample(sample: Sample) -> str:
    low, high = min(sample.values), max(sample.values)
    shown = _number(sample.median)
    return shown if low == high else f"{shown} ({_number(low)} to {_number(high)})"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
