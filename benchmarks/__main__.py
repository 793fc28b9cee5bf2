"""How fast it is, each figure beside a peer's in the same run: `python -m benchmarks`.

Prints a Markdown table of what was measured and of what was asked for. Whether a target is reached
is told in the table; the exit status is 1 only where something is wrong: events missing, or a hash
chain that is not clean.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from benchmarks import (
    actors,
    commands,
    daemon,
    grants,
    growth,
    hydration,
    memory,
    messages,
    peers,
    projectors,
    store,
    table,
)
from benchmarks.measuring import Figure, Wrong
from benchmarks.scale import FULL, QUICK, Scale, changed
from ledger_actors.daemon import collector
from ledger_actors.logs import configure_logging
from ledger_actors.settings import LogSettings

SUBJECTS = {
    "store": store.figures,
    "commands": commands.figures,
    "grants": grants.figures,
    "daemon": daemon.figures,
    "actors": actors.figures,
    "messages": messages.figures,
    "hydration": hydration.figures,
    "projectors": projectors.figures,
    "growth": growth.figures,
    "memory": memory.figures,
}
NO_PEER = "eventsourcing is not installed, so its columns stay empty: pip install '.[bench]'"


def measure(names: list[str], scale: Scale) -> dict[str, list[Figure]]:
    """Run these subjects, and return the figures of each.

    Raises:
        Wrong: what was measured was not done as it should be.
    """
    if peers.eventsourcing() is None:
        print(NO_PEER, file=sys.stderr)
    found: dict[str, list[Figure]] = {}
    for name in names:
        began = time.monotonic()
        found[name] = list(SUBJECTS[name](scale))
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks that the command line names; return the exit status."""
    options = _options(arguments)
    restore_logs = configure_logging(LogSettings(level="warning", format="console"))
    restore_collector = collector.settle()  # as in the daemon's process, for the peers as well
    try:
        found = measure(options.names or list(SUBJECTS), options.scale)
    except Wrong as wrong:
        print(f"wrong: {wrong}", file=sys.stderr)
        return 1
    finally:
        restore_collector()
        restore_logs()
    how = ", ".join(["quick" if options.quick else "in full", *options.set])
    shown = table.table(found, how=how)
    print(shown)
    if options.out is not None:
        table.put(shown, options.out)
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = ", ".join(SUBJECTS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{known}; by default all")
    parser.add_argument("--quick", action="store_true", help="small sizes: under two minutes")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table there, too")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SIZE=NUMBER", help="see benchmarks/scale.py"
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in SUBJECTS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {known}")
    try:
        options.scale = changed(QUICK if options.quick else FULL, options.set)
    except ValueError as wrong:
        parser.error(str(wrong))
    return options


if __name__ == "__main__":
    # Gigabytes of temporary files are removed on the way out, also when a timeout ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
