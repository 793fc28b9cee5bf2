"""Connections to one door that are kept from one command to the next."""

from __future__ import annotations

import h11

from ledger_actors.daemon.http_socket import HttpSocket
from ledger_actors.daemon.protocol import JSON
from ledger_actors.daemon.target import KEEP_ALIVE_SECONDS, Target


class KeptSockets:
    """The idle connections; each is used by one thread at a time. Thread-safe."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._idle: list[HttpSocket] = []

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer.

        Raises:
            TimedOut: no answer in time.
            LedgerUnavailable: the door is away, or went away meanwhile.
        """
        used = self._take() or HttpSocket(self._target.connect(), self._target.headers())
        try:
            answer = used.post(path, body, JSON)
        except TimeoutError as late:
            used.close()
            raise self._target.late() from late
        except (OSError, h11.RemoteProtocolError) as gone:
            used.close()
            self.close()
            raise self._target.gone() from gone
        except BaseException:  # an interrupt: what comes on this connection is nobody's answer
            used.close()
            raise
        self._give_back(used)
        return answer

    def close(self) -> None:
        """Close those that nobody uses now."""
        while (idle := self._take()) is not None:
            idle.close()

    def _take(self) -> HttpSocket | None:
        """One that is fresh, if there is one; others that it meets are closed."""
        while self._idle:
            try:
                found = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if found.is_fresh(KEEP_ALIVE_SECONDS):
                return found
            found.close()
        return None

    def _give_back(self, used: HttpSocket) -> None:
        if used.may_be_kept():
            self._idle.append(used)
        else:
            used.close()
