"""The DailyCycler: each business date is cycled once, in order, none left out.

The business date is the date in Los Angeles. Every hour the actor looks whether it has been cycled,
and takes its next look an hour after it is done with this one. A date is cycled by the command
`CycleSystem`, which the system's aggregate refuses for every date but the next: so with two daemons
on one store, or after a crash between the append and its answer, no date is cycled twice. After
days of downtime the missed dates follow one by one, each by a message of its own, so that a
shutdown gets its turn between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from supervision import Actor, Clock, Rejection, Timer, Timers

__all__ = ["BusinessDates", "DailyCycler", "Look", "business_date", "next_missed"]

BUSINESS_ZONE: Final = ZoneInfo("America/Los_Angeles")
HOUR: Final = 3600.0
A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Look:
    """Look whether a date is to be cycled. Sent by the actor to itself; anybody may send it."""


class BusinessDates(Protocol):
    """What the cycler needs of the ledger; both run in its thread and may block."""

    def last_cycled(self) -> date | None:
        """Return the last date that was cycled; None before the first."""

    def cycle(self, new_date: date) -> None:
        """Cycle a date, and return when that is on disk.

        Raises:
            Rejection: the date has been cycled, or is not the next one.
            OSError: there is no room on the disk; nothing was written.
            TimeoutError: it is not known whether it was done.
        """


def business_date(now: datetime, zone: tzinfo = BUSINESS_ZONE) -> date:
    """Return the business date at an aware time: the date in Los Angeles, or in `zone`."""
    return now.astimezone(zone).date()


def next_missed(last: date | None, today: date) -> date | None:
    """Return the date to be cycled next; None where today's has been, or the clock went back.

    The first date of all is today's: what was before the ledger is not cycled.
    """
    if last is None:
        return today
    return last + A_DAY if last < today else None


class DailyCycler(Actor):
    """Cycles the business dates. Own thread: it waits for each date to be on disk.

    What keeps a date from being cycled for now (no room on the disk, no answer in time) is logged
    and tried again an hour later. Anything else is a crash; its successor looks at once.
    """

    def __init__(
        self,
        dates: BusinessDates,
        *,
        timers: Timers,
        clock: Clock,
        every: float = HOUR,
        zone: tzinfo = BUSINESS_ZONE,
    ) -> None:
        super().__init__()
        self._dates = dates
        self._timers = timers
        self._clock = clock
        self._every = every
        self._zone = zone
        self._next_look: Timer | None = None

    def on_start(self) -> None:
        """Look at once: the daemon may have been down for days."""
        self.actor_ref.tell(Look())

    def on_receive(self, message: Any) -> None:
        """Cycle the next missed date and look again; where none is missing, look in an hour."""
        if not isinstance(message, Look):
            self.log.warning("daily_cycler.unknown_message", message=repr(message)[:200])
            return
        self._cancel()
        if self._cycle_next():
            self.actor_ref.tell(Look())
        else:
            self._next_look = self._timers.send_after(self._every, self.actor_ref, Look())

    def on_stop(self) -> None:
        """Take back the next look."""
        self._cancel()

    def on_failure(self, *_args: Any) -> None:
        """Take back the next look: the successor looks at once."""
        self._cancel()

    def _cycle_next(self) -> bool:
        """Cycle one date if one is missing; return whether to look again at once."""
        today = business_date(self._clock.now(), self._zone)
        missed = next_missed(self._dates.last_cycled(), today)
        if missed is None:
            return False
        try:
            self._dates.cycle(missed)
        except Rejection as rejection:
            # Somebody else was quicker: go on from where they are. If nobody was, wait, and say so.
            self.log.info("daily_cycler.rejected", date=missed, rejection=str(rejection))
            last = self._dates.last_cycled()
            return last is not None and last >= missed
        except (OSError, TimeoutError) as error:
            self.log.warning("daily_cycler.postponed", date=missed, error=str(error))
            return False
        self.log.info("daily_cycler.cycled", date=missed)
        return True

    def _cancel(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
