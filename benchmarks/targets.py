"""What was asked for: the thresholds that the table judges by. No test asserts any of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A threshold; `of_peer`: for ours in terms of the peer's, else for our own value."""

    key: str
    limit: float
    of_peer: bool = False
    at_most: bool = False

    def admits(self, value: float) -> bool:
        """Whether a value is on the right side."""
        return value <= self.limit if self.at_most else value >= self.limit

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        return f"{sign} {self.limit:,g}{' ×' if self.of_peer else ''}"


def _times(key: str, limit: float) -> Target:
    return Target(key, limit, of_peer=True)


def _no_more_times(key: str, limit: float) -> Target:
    return Target(key, limit, of_peer=True, at_most=True)


def _no_more(key: str, limit: float) -> Target:
    return Target(key, limit, at_most=True)


IN_FLIGHT = _times("1 eventsourcing", 15)
IN_FLIGHT_OF_SQLITE = _times("1 SQLite", 0.4)
ONE_AT_A_TIME = _times("1 one at a time", 1.5)
GRANTS = _times("2", 4)
STREAMED_IMPORT = _times("3 import", 0.5)
SINGLE_REQUESTS = Target("3 requests", 2_000)
SINGLE_P99 = _no_more("3 p99", 10)
BYTES_AN_AGGREGATE = _no_more("4 bytes", 3_540)
STARTS = Target("4 starts", 30_000)
CRASH_TO_ANSWER = _no_more("4 crash", 1)
TELL = _times("5 tell", 3)
TELL_POOLED = _times("5 tell, pooled", 3)
ASK = _times("5 ask", 1)
ASK_POOLED = _times("5 ask, pooled", 1)
HYDRATION = _times("6 hydration", 4)
CATCH_UP_ACCOUNTS = _times("6 catch-up, accounts", 0.5)
CATCH_UP_TRIAL_BALANCE = _times("6 catch-up, trial balance", 0.5)
SNAPSHOT = _no_more("6 snapshot", 20)
APPEND_GROWTH = _times("7 append", 0.8)
GRANT_GROWTH = _no_more_times("7 grant", 1.2)
STATE_GROWTH = _no_more_times("7 state", 1.2)
COMMAND_GROWTH = _no_more_times("7 command", 1.2)
STREAM_GROWTH = _no_more_times("7 stream", 1.2)
START_UP = _no_more("7 start-up", 3)
MEMORY = _no_more_times("7 memory", 1.05)

ALL = tuple(found for found in list(globals().values()) if isinstance(found, Target))
