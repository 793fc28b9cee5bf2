"""What a run of chaos came to: every hit, and how long it took until service was back."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.faults import Fault

__all__ = ["Hit", "Report"]


@dataclass(frozen=True)
class Hit:
    """One hit: seconds until the node answered again, and until a command was acknowledged."""

    node: str
    fault: Fault
    answered: float
    served: float


@dataclass
class Report:
    """What a run came to."""

    seed: int
    seconds: float = 0.0
    hits: list[Hit] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    restarts: int = 0
    abandoned: int = 0
    slowed: int = 0
    commands: int = 0
    events: int = 0
    broken_off: int = 0
    fees: int = 0
    wrong: list[str] = field(default_factory=list)

    def told(self) -> Iterator[str]:
        """The run in lines for a person; times are milliseconds."""
        yield f"seed {self.seed}: {len(self.hits)} hits in {self.seconds:.0f} s"
        yield f"{'node':26}{'hits':>6}   {'answers again':>16}   {'commands again':>16}"
        by_node: dict[str, list[Hit]] = defaultdict(list)
        for hit in self.hits:
            by_node[hit.node].append(hit)
            by_node[f"- {hit.fault}"].append(hit)
        for node, hits in sorted(by_node.items()):
            answered, served = [hit.answered for hit in hits], [hit.served for hit in hits]
            times = f"{_median_and_max(answered)}   {_median_and_max(served)}"
            yield f"{node:26}{len(hits):>6}   {times}"
        if self.latencies:
            cuts = statistics.quantiles(self.latencies, n=1000)
            yield (
                f"answers under chaos: median {cuts[499] * 1e3:.1f}, 99 % {cuts[989] * 1e3:.0f}, "
                f"99.9 % {cuts[998] * 1e3:.0f}, longest {max(self.latencies) * 1e3:.0f}"
            )
        yield (
            f"{self.commands:,} commands, {self.broken_off:,} times broken off and sent again; "
            f"{self.events:,} events, {self.fees:,} late fees among them"
        )
        yield (
            f"{self.restarts:,} restarts by supervisors, {self.abandoned} threads given up, "
            f"{self.slowed} hydrations slowed"
        )
        yield "nothing was wrong" if not self.wrong else f"{len(self.wrong)} things were wrong:"
        yield from (f"  {one[:2000]}" for one in self.wrong)


def _median_and_max(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:>7.0f} {max(seconds) * 1e3:>8.0f}"
