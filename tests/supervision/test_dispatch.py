"""Many actors on few threads: order, fairness, waiting, and threads that do not come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from supervision import POOLED, Actor, Pool, Ref, blocking, spawn
from supervision.testing import HANG, Gate, wait_for_exit, wait_until


class Echo(Actor):
    """Answers with the message, or calls it."""

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(1, "test-pool")
    yield pool
    pool.close()


def test_an_actor_handles_its_messages_in_order_and_one_at_a_time(pool: Pool) -> None:
    wide = Pool(4, "wide-pool")
    seen: list[tuple[int, int]] = []
    busy = threading.Lock()

    class Serial(Actor):
        def on_receive(self, message: Any) -> Any:
            assert busy.acquire(blocking=False), "two threads in one actor"
            seen.append(message)
            busy.release()

    ref = spawn(Serial, dispatcher=wide)
    senders = [
        threading.Thread(target=lambda s=s: [ref.tell((s, n)) for n in range(200)])
        for s in range(4)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(HANG)
    ref.stop()
    wide.close()

    for s in range(4):
        assert [n for sender, n in seen if sender == s] == list(range(200))


def test_one_busy_actor_does_not_starve_the_others(pool: Pool) -> None:
    """One thread; a flood for one actor is interrupted for the other's single message."""
    gate = Gate()
    busy, quiet = spawn(Echo, dispatcher=pool), spawn(Echo, dispatcher=pool)
    busy.tell(lambda _: gate.pass_through())
    gate.wait_arrived()
    for n in range(1_000):
        busy.tell(n)
    left: list[int] = []
    answer = quiet.ask(lambda _: left.append(busy.mailbox_length()), block=False)
    gate.open()
    answer.get(timeout=HANG)

    assert left[0] > 500
    busy.stop()
    quiet.stop()


def test_waiting_for_an_answer_does_not_take_a_thread_from_the_rest(pool: Pool) -> None:
    """A pool of one thread: the asker waits on it, and the one who answers still runs."""
    asker, answerer = spawn(Echo, dispatcher=pool), spawn(Echo, dispatcher=pool)

    assert asker.ask(lambda _: answerer.ask("through"), timeout=HANG) == "through"
    asker.stop()
    answerer.stop()


def test_blocking_lets_others_run_meanwhile(pool: Pool) -> None:
    gate = Gate()

    def wait(_: Actor) -> None:
        with blocking():
            gate.pass_through()

    waiting, other = spawn(Echo, dispatcher=pool), spawn(Echo, dispatcher=pool)
    waiting.tell(wait)
    gate.wait_arrived()

    assert other.ask("running", timeout=HANG) == "running"
    gate.open()
    waiting.stop()
    other.stop()


def test_the_pool_replaces_a_thread_that_does_not_come_back(pool: Pool) -> None:
    release, entered = threading.Lock(), threading.Event()
    release.acquire()
    stuck, other = spawn(Echo, dispatcher=pool), spawn(Echo, dispatcher=pool)
    stuck.tell(lambda _: entered.set() or release.acquire())
    entered.wait(HANG)
    stuck.abandon()

    assert other.ask("running", timeout=HANG) == "running"
    assert pool.workers == 1
    release.release()
    other.stop()
    wait_until(lambda: sum("test-pool" in t.name for t in threading.enumerate()) <= 1)


def test_a_pool_survives_kills_of_running_actors(pool: Pool) -> None:
    def spin(_: Actor) -> None:
        entered.set()
        while True:
            pass

    for _ in range(20):
        entered = threading.Event()
        ref = spawn(Echo, dispatcher=pool)
        ref.tell(spin)
        entered.wait(HANG)
        ref.kill()
        wait_for_exit(ref)

    assert pool.workers == 1


def test_a_pool_of_no_threads_is_refused() -> None:
    with pytest.raises(ValueError, match="one thread or more"):
        Pool(0)


def test_ten_thousand_actors_share_the_pool(pool: Pool) -> None:
    refs: list[Ref] = [spawn(Echo, dispatcher=pool) for _ in range(10_000)]
    answers = [ref.ask(n, block=False) for n, ref in enumerate(refs)]

    assert [answer.get(timeout=HANG) for answer in answers] == list(range(10_000))
    for ref in refs:
        ref.shutdown()
    for ref in refs:
        wait_for_exit(ref)


def test_the_shared_pool_takes_the_size_that_it_is_given() -> None:
    before = POOLED.pool.size
    POOLED.resize(before + 1)
    try:
        assert POOLED.pool.size == before + 1
        with pytest.raises(ValueError, match="one thread or more"):
            POOLED.resize(0)
    finally:
        POOLED.resize(before)
