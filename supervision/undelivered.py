"""Dead letters: what could not be delivered is counted, logged, and kept for a while to look at.

After Akka's `dead letters <https://doc.akka.io/libraries/akka-core/current/general/message-delivery-reliability.html>`_.
An ask that cannot be delivered fails with an error for its asker and is no dead letter, but for one
that was dropped: it had been taken.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import structlog

from supervision import telemetry
from supervision.clock import SYSTEM_CLOCK, Clock

__all__ = ["DeadLetter", "DeadLetters", "Undelivered", "dead_letters"]

KEPT = 100
LOGGED = 10
EVERY_SECONDS = 1.0


class Undelivered(Enum):
    """Why a message was not handled."""

    ENDED = "the actor had ended, or ended before it came to it"
    FULL = "the mailbox was full"
    DROPPED = "it made room for another in a full mailbox"
    NOBODY = "nobody had the name"
    UNEXPECTED = "the actor takes no messages"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that was not handled: for whom, of which type, why and when.

    Not the message itself, which may be large, and is not everybody's to read.
    """

    actor: str
    message_type: str
    why: Undelivered
    at: datetime


class DeadLetters:
    """Counts all, keeps the last `kept`, and logs at most `logged` in `EVERY_SECONDS`.

    What was not logged is counted in the next one that is (`left_out`). Any thread may call.
    """

    def __init__(
        self, clock: Clock = SYSTEM_CLOCK, *, kept: int = KEPT, logged: int = LOGGED
    ) -> None:
        self._clock = clock
        self._logged = logged
        self._lock = threading.Lock()
        self._recent: deque[DeadLetter] = deque(maxlen=kept)
        self._count = 0
        self._by_cause = dict.fromkeys(Undelivered, 0)
        self._window = clock.monotonic()
        self._in_window = 0
        self._left_out = 0

    @property
    def count(self) -> int:
        """How many since the program began."""
        return self._count

    def counts(self) -> dict[Undelivered, int]:
        """Return how many since the program began, by cause."""
        with self._lock:
            return dict(self._by_cause)

    def recent(self) -> list[DeadLetter]:
        """Return the last ones, the oldest first."""
        with self._lock:
            return list(self._recent)

    def record(self, address: object, message: object, why: Undelivered) -> None:
        """Take note of `message`, which whoever is at `address` will never handle.

        Runs in the thread that could not deliver it.
        """
        label = str(getattr(address, "label", address))
        letter = DeadLetter(label, type(message).__name__, why, self._clock.now())
        with self._lock:
            self._count += 1
            self._by_cause[why] += 1
            self._recent.append(letter)
            left_out = self._may_log()
        if left_out is not None:
            structlog.get_logger().warning(
                telemetry.DEAD_LETTER,
                actor=label,
                message=letter.message_type,
                why=why.value,
                total=self._count,
                left_out=left_out,
            )
        telemetry.emit(telemetry.DEAD_LETTER, ref=address, message=message, why=why)

    def _may_log(self) -> int | None:
        now = self._clock.monotonic()
        if now - self._window >= EVERY_SECONDS:
            self._window, self._in_window = now, 0
        if self._in_window >= self._logged:
            self._left_out += 1
            return None
        self._in_window += 1
        left_out, self._left_out = self._left_out, 0
        return left_out


dead_letters = DeadLetters()
"""Those of this program."""
