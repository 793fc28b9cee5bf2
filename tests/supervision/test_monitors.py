"""One Down for each watch, whenever the actor ends."""

from __future__ import annotations

import threading
from typing import Any

from supervision import NORMAL, SHUTDOWN, Actor, Down, monitor, spawn
from supervision.testing import HANG, wait_for_exit


class Watcher(Actor):
    """Keeps the downs that it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.downs: list[Down] = []
        self.first = threading.Event()

    def on_receive(self, message: Any) -> Any:
        if message == "downs":
            return list(self.downs)
        if message == "first":
            return self.first
        self.downs.append(message)
        self.first.set()
        return None


class Idle(Actor):
    """Does nothing."""


def test_a_watching_actor_gets_one_down_with_the_reason(start: Any) -> None:
    watcher, ref = spawn(Watcher), start(Idle)
    watch = monitor(ref, watcher)
    ref.shutdown()
    assert watcher.ask("first").wait(HANG)

    assert watcher.ask("downs", timeout=HANG) == [Down(ref, SHUTDOWN, watch)]
    watcher.stop()


def test_watching_one_that_has_ended_reports_at_once(start: Any) -> None:
    downs: list[Down] = []
    ref = start(Idle)
    ref.stop()
    monitor(ref, downs.append)

    assert [down.reason for down in downs] == [NORMAL]


def test_a_cancelled_watch_reports_nothing(start: Any) -> None:
    downs: list[Down] = []
    ref = start(Idle)
    watch = monitor(ref, downs.append)

    assert watch.cancel() is True
    assert watch.cancel() is False
    ref.stop()
    assert downs == []


def test_a_watch_that_races_the_end_reports_exactly_once(start: Any) -> None:
    for _ in range(200):
        downs: list[Down] = []
        ref, barrier = start(Idle), threading.Barrier(2)
        ending = threading.Thread(target=lambda r=ref, b=barrier: (b.wait(HANG), r.stop()))
        ending.start()
        barrier.wait(HANG)
        monitor(ref, downs.append)
        ending.join(HANG)
        wait_for_exit(ref)
        assert len(downs) == 1


def test_a_watcher_that_fails_takes_nobody_with_it(start: Any) -> None:
    """The others are told, whoever waits is answered, and the thread goes on."""

    def fail(_: Down) -> None:
        raise ValueError

    ref, told = start(Idle), threading.Event()
    monitor(ref, fail)
    monitor(ref, lambda _: told.set())

    assert ref.stop(timeout=HANG)
    assert told.wait(HANG)
    assert wait_for_exit(ref) == NORMAL
