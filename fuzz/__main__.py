"""`make fuzz SECONDS=...`: each target in turn under atheris, which is guided by coverage.

What makes a target fail is written to the folder that is named last, and printed; exit status 1.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CORPUS = Path(".fuzz")


def main(seconds: int) -> int:
    """Run every target for its share of the time, each in a process of its own."""
    from fuzz.samples import SAMPLES

    share = max(1, seconds // len(SAMPLES))
    failed = [name for name in SAMPLES if not _passes(name, share)]
    print(f"failed: {', '.join(failed)}: see {CORPUS}" if failed else "nothing found")
    return 1 if failed else 0


def _passes(name: str, seconds: int) -> bool:
    from fuzz.samples import SAMPLES

    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for at, sample in enumerate(SAMPLES[name]):
        (corpus / f"sample-{at}").write_bytes(sample)
    limits = [f"-max_total_time={seconds}", "-max_len=8192", "-timeout=20", "-rss_limit_mb=2048"]
    found = f"-artifact_prefix={corpus}/found-"
    command = [sys.executable, "-m", "fuzz", "--target", name, *limits, found, str(corpus)]
    return subprocess.run(command, check=False).returncode == 0


def run_target(name: str, arguments: list[str]) -> None:
    """Fuzz one target until the time is over; never returns."""
    import atheris

    with atheris.instrument_imports(include=["ledger_actors", "fuzz", "tomllib"]):
        from fuzz.targets import TARGETS

    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1] == "--target":
        run_target(sys.argv[2], sys.argv[3:])
    sys.exit(main(int(sys.argv[1])))
