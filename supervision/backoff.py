"""Restarts that wait: longer after each failure, each time a little different, up to a maximum.

OTP restarts at once, and gives up after too many restarts. That is right for a fault of the child's
own, and wrong for one outside that takes its time, such as a disk that is full. Then a child spec
says `backoff=Backoff(...)`. After `AWS, Exponential Backoff And Jitter
<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>`_.

Nothing here reads a clock or draws a number: a supervisor brings both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from supervision.errors import InvalidChildSpec

__all__ = ["Backoff", "Pace"]

YEAR = 31_536_000.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a child that has ended waits before it is started again.

    Attributes:
        initial: the seconds before the first restart, more than zero.
        maximum: the seconds that no wait exceeds.
        factor: what each wait is multiplied by for the next one, 1 or more.
        jitter: the part of each wait that is left to chance, 0 to 1, so that children which failed
            together do not come back together. 0.5: between half of the wait and all of it.
        reset_after: the seconds of running after which a failure counts as the first one again; by
            default `maximum`.

    Raises:
        InvalidChildSpec: a field has a value that cannot be; the sentence names it.

    Example:
        >>> backoff = Backoff(1.0, 10.0, jitter=0.0)
        >>> [backoff.delay(attempt, 0.0) for attempt in range(5)]
        [1.0, 2.0, 4.0, 8.0, 10.0]
    """

    initial: float
    maximum: float
    factor: float = 2.0
    jitter: float = 0.5
    reset_after: float | None = None

    def __post_init__(self) -> None:
        _check(self.initial, "initial", "more than zero seconds", above=0.0)
        limits = "seconds, not less than initial and not more than a year"
        _check(self.maximum, "maximum", limits, least=self.initial, most=YEAR)
        _check(self.factor, "factor", "a number, 1 or more", least=1.0)
        _check(self.jitter, "jitter", "a part, 0 to 1", least=0.0, most=1.0)
        if self.reset_after is None:
            object.__setattr__(self, "reset_after", self.maximum)
        _check(self.reset_after, "reset_after", "seconds, zero or more", least=0.0)

    def delay(self, attempt: int, draw: float) -> float:
        """Return the seconds before restart number `attempt`, which counts from zero.

        `draw` is a random number from 0 up to 1; the greater it is, the shorter the wait.
        """
        return self._longest(attempt) * (1.0 - self.jitter * draw)

    def over(self, ran_for: float) -> bool:
        """Return whether a child that has run for so many seconds is taken to be well again."""
        assert self.reset_after is not None
        return ran_for >= self.reset_after

    def _longest(self, attempt: int) -> float:
        try:
            return min(self.maximum, self.initial * self.factor**attempt)
        except OverflowError:
            return self.maximum


class Pace:
    """How far one child's backoff has gone: what its supervisor remembers between two failures.

    Attributes:
        due: when the next attempt is made, by the time of day; `None` unless the child waits.
    """

    __slots__ = ("_attempt", "_running_since", "backoff", "due")

    def __init__(self, backoff: Backoff) -> None:
        self.backoff = backoff
        self.due: datetime | None = None
        self._attempt = 0
        self._running_since: float | None = None

    def running(self, now: float) -> None:
        """The child's start has succeeded."""
        self._running_since = now

    def failed(self, now: float, draw: float) -> float:
        """The child has ended, or its start has failed; return the seconds until the next one."""
        since, self._running_since = self._running_since, None
        if since is not None and self.backoff.over(now - since):
            self._attempt = 0
        delay = self.backoff.delay(self._attempt, draw)
        self._attempt += 1
        return delay


def _check(
    value: object,
    field: str,
    right: str,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and above < value and least <= value <= most):  # type: ignore[arg-type, operator]
        raise InvalidChildSpec(f"backoff: {field}: {right}, not {value!r}")
