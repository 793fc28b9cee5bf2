"""Clients that never stop: each sends again what was broken off, and measures its answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ledger_actors import Ledger
from ledger_actors.daemon.errors import LedgerError
from tests.torture.clients import SURE, as_it_came
from tests.torture.evidence import Ack, BrokenOff, Intent, Record, Refused
from tests.torture.workload import Workload

__all__ = ["Load"]

PAUSE = 0.03
"""Seconds between an answer and the next command: what is recorded has to fit into memory."""


class _Client:
    def __init__(self, name: str, seed: int, load: Load) -> None:
        self._load = load
        self._workload = Workload(name, seed)
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def _run(self) -> None:
        load = self._load
        while not load.over.wait(PAUSE):
            intent = self._workload.next()
            began = time.monotonic()
            while not load.send(intent):
                if load.hopeless.wait(PAUSE):
                    return
            load.latencies.append((began, time.monotonic() - began))


class Load:
    """So many clients on whatever ledger there is at the moment.

    `over`: they send no new command. `hopeless`: they wait for no answer either.
    """

    def __init__(self, clients: int, seed: int, ledger: Callable[[], Ledger]) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self.record = Record(None)  # type: ignore[arg-type] # it is never read from files
        self.over = threading.Event()
        self.hopeless = threading.Event()
        self.latencies: list[tuple[float, float]] = []
        self._clients = [_Client(f"client-{number}", seed, self) for number in range(clients)]

    def start(self) -> None:
        """Begin."""
        for client in self._clients:
            client.thread.start()

    def stop(self) -> None:
        """Send no new command, and return when the last one has its answer."""
        self.over.set()
        for client in self._clients:
            client.thread.join()

    def send(self, intent: Intent) -> bool:
        """Send a command once; return whether it is known what came of it."""
        self._take(intent)
        try:
            events = self._ledger().send(intent.type, command_id=intent.id, **intent.data)
        except SURE as refusal:
            self._take(Refused(intent.id, refusal.code))
        except LedgerError as gone:
            self._take(BrokenOff(intent.id, repr(gone)))
            return False
        else:
            self._take(Ack(intent.id, events.duplicate, tuple(map(as_it_came, events))))
        return True

    def _take(self, line: Intent | Ack | Refused | BrokenOff) -> None:
        with self._lock:
            self.record.take(line)
