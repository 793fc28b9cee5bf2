"""Many actors on few threads: order, fairness, waiting, and threads that do not come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from supervision import (
    OWN_THREAD,
    POOLED,
    Actor,
    ActorDead,
    Dispatcher,
    Pool,
    PoolClosed,
    Ref,
    Registry,
    Unregistered,
    abandoned_threads,
    blocking,
    monitor,
    shield,
    spawn,
    telemetry,
)
from supervision.loop import TURN_MESSAGES
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from tests.supervision.echo import Echo


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(1, "test-pool")
    yield pool
    pool.close()


def test_it_is_idle_when_it_has_handled_all_that_was_sent(pool: Pool) -> None:
    gate = Gate()
    ref = spawn(Echo, dispatcher=pool)
    wait_until(ref.is_idle)
    ref.tell(lambda _: gate.pass_through())
    gate.wait_arrived()
    at_it = ref.is_idle()
    ref.tell("second")
    gate.open()
    wait_until(ref.is_idle)

    assert not at_it
    assert ref.handled == 2
    ref.stop()
    assert not ref.is_idle()


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


def test_one_that_is_stuck_in_its_turn_keeps_nobody_waiting_while_a_thread_is_free() -> None:
    """One worker at a time is woken, and each that finds something to do wakes the next."""
    pool, gate = Pool(3, "wide-pool"), Gate()
    stuck = [spawn(Echo, dispatcher=pool) for _ in range(2)]
    others = [spawn(Echo, dispatcher=pool) for _ in range(10)]
    for ref in (*stuck, *others):
        ref.ask("runs", timeout=HANG)
    for ref in (*stuck, *others[:1]):  # in one go
        ref.tell(lambda _, stay=ref in stuck: gate.pass_through() if stay else None)

    assert [ref.ask(n, timeout=HANG) for n, ref in enumerate(others)] == list(range(10))
    gate.wait_arrived()
    gate.wait_arrived()
    gate.open()
    for ref in (*stuck, *others):
        ref.stop()
    pool.close()


def test_a_pool_made_smaller_lets_its_spare_threads_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervision.pool.IDLE_SECONDS", 0.01)
    pool, gate = Pool(3, "shrinking-pool"), Gate()
    refs = [spawn(Echo, dispatcher=pool) for _ in range(3)]
    arrived = [ref.ask(lambda _: gate.pass_through(), block=False) for ref in refs]
    wait_until(lambda: pool.workers == 3)
    gate.open()
    for one in arrived:
        one.get(timeout=HANG)

    pool.size = 1
    wait_until(lambda: pool.workers == 1)
    assert [ref.ask(n, timeout=HANG) for n, ref in enumerate(refs)] == [0, 1, 2]
    for ref in refs:
        ref.stop()
    pool.close()


def test_many_busy_actors_do_not_starve_one_either(pool: Pool) -> None:
    """Each gets its turns: the quiet one waits for one turn of every busy one, and no more."""
    gate, held = Gate(), spawn(Echo, dispatcher=pool)
    held.tell(lambda _: gate.pass_through())
    gate.wait_arrived()
    crowd = [spawn(Echo, dispatcher=pool) for _ in range(5)]
    for busy in crowd:
        for n in range(1_000):
            busy.tell(n)
    quiet = spawn(Echo, dispatcher=pool)
    handled: list[int] = []
    answer = quiet.ask(lambda _: handled.extend(ref.handled for ref in crowd), block=False)
    gate.open()
    answer.get(timeout=HANG)

    assert max(handled) <= TURN_MESSAGES
    for ref in (held, quiet, *crowd):
        ref.stop()


def test_an_actor_that_keeps_itself_busy_does_not_starve_the_others(pool: Pool) -> None:
    def again(actor: Actor) -> None:
        actor.actor_ref.tell(again)

    busy, quiet = spawn(Echo, dispatcher=pool), spawn(Echo, dispatcher=pool)
    busy.tell(again)
    answers = [quiet.ask(n, timeout=HANG) for n in range(20)]

    assert answers == list(range(20))
    busy.kill()
    wait_for_exit(busy)
    quiet.stop()


def test_a_worker_that_was_lost_while_it_waited_is_counted_out_whole(pool: Pool) -> None:
    """It had lent its place, and never takes it back: the pool must not run one too many."""
    release, waiting = threading.Event(), threading.Event()
    stuck, other = spawn(Echo, dispatcher=pool), spawn(Echo, dispatcher=pool)

    def wait(_: Actor) -> None:
        with blocking(), shield():
            waiting.set()
            release.wait(HANG)

    stuck.tell(wait)
    assert waiting.wait(HANG)
    assert other.ask("running", timeout=HANG) == "running"
    stuck.abandon()

    assert (pool.workers, pool._waiting) == (1, 0)
    release.set()
    wait_until(lambda: not abandoned_threads())
    assert (pool.workers, pool._waiting) == (1, 0)
    assert other.ask("running", timeout=HANG) == "running"
    other.stop()


def test_one_that_is_stuck_in_a_shield_is_replaced_too(pool: Pool) -> None:
    release, entered = threading.Event(), threading.Event()

    def stand(_: Actor) -> None:
        with shield():
            entered.set()
            release.wait(HANG)

    stuck, other = spawn(Echo, dispatcher=pool), spawn(Echo, dispatcher=pool)
    stuck.tell(stand)
    assert entered.wait(HANG)
    stuck.abandon()

    assert len(abandoned_threads()) == 1
    assert other.ask("running", timeout=HANG) == "running"
    release.set()
    wait_until(lambda: not abandoned_threads())
    other.stop()


def no_thread_left(*_: object) -> None:
    msg = "can't start new thread"
    raise RuntimeError(msg)


def test_a_start_fails_for_want_of_a_thread_and_leaves_no_name(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Registry("names")
    where = OWN_THREAD if dispatcher is OWN_THREAD else Pool(1, "no-pool")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread_left)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            spawn(Echo, name=names.name("x"), dispatcher=where)
    assert names.whereis("x") is None

    ref = spawn(Echo, name=names.name("x"), dispatcher=where)
    assert ref.ask("runs", timeout=HANG) == "runs"
    ref.stop()
    if isinstance(where, Pool):
        assert where.workers == 1
        where.close()


def test_a_pool_that_cannot_grow_goes_on_with_what_it_has(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = spawn(Echo, dispatcher=pool)
    ref.ask("runs", timeout=HANG)
    pool.size = 3
    monkeypatch.setattr(threading.Thread, "start", no_thread_left)

    assert ref.ask("still runs", timeout=HANG) == "still runs"
    assert pool.workers == 1
    ref.shutdown()
    wait_for_exit(ref)


def test_a_wait_for_which_nobody_can_stand_in_is_an_error_and_no_hang(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker, answerer = spawn(Echo, dispatcher=pool), spawn(Echo, dispatcher=pool)
    asker.ask("runs", timeout=HANG)
    monkeypatch.setattr(threading.Thread, "start", no_thread_left)

    with pytest.raises(RuntimeError, match="can't start new thread"):
        asker.ask(lambda _: answerer.ask("never"), timeout=HANG)
    assert pool._waiting == 0
    assert answerer.ask("runs", timeout=HANG) == "runs"
    answerer.shutdown()
    wait_for_exit(answerer)


def test_a_closed_pool_ends_its_threads_and_starts_no_actor() -> None:
    pool = Pool(2, "closing-pool")
    ref = spawn(Echo, dispatcher=pool)
    ref.ask("runs", timeout=HANG)
    pool.close()
    wait_until(lambda: pool.workers == 0)

    with pytest.raises(PoolClosed, match="closing-pool is closed"):
        spawn(Echo, dispatcher=pool)
    with pytest.raises(ActorDead, match="killed"):
        ref.ask("nobody runs it", timeout=HANG)
    assert not any("closing-pool" in thread.name for thread in threading.enumerate())


def test_closing_a_pool_lets_a_turn_finish_and_answers_all_who_wait() -> None:
    pool, gate = Pool(1, "closing-pool"), Gate()
    running, waiting = spawn(Echo, dispatcher=pool), spawn(Echo, dispatcher=pool)
    finished = running.ask(lambda _: gate.pass_through() or "finished", block=False)
    gate.wait_arrived()
    queued = waiting.ask("queued", block=False)
    pool.close()
    gate.open()

    assert finished.get(timeout=HANG) == "finished"
    with pytest.raises(ActorDead):
        queued.get(timeout=HANG)


def test_an_actor_of_a_closed_pool_that_asks_another_of_it_does_not_hang() -> None:
    pool, gate = Pool(1, "closing-pool"), Gate()
    asker, other = spawn(Echo, dispatcher=pool), spawn(Echo, dispatcher=pool)

    def ask(_: Actor) -> Any:
        gate.pass_through()
        return other.ask("nobody runs it")

    answer = asker.ask(ask, block=False)
    gate.wait_arrived()
    pool.close()
    gate.open()

    with pytest.raises(ActorDead):
        answer.get(timeout=HANG)


def test_an_end_is_whole_whatever_others_code_does_in_it(start: Any) -> None:
    """A listener, a watcher and a handler of telemetry fail; the rest still hears of the end."""
    names, heard = Registry("names"), list[Any]()

    def fail(*_: object) -> None:
        raise SystemExit

    names.add_listener(lambda change: fail() if isinstance(change, Unregistered) else None)
    ref = start(Echo, name=names.name("x"))
    answer = ref.ask(lambda actor: actor.defer_reply() and None, block=False)
    ref.ask("deferred", timeout=HANG)
    monitor(ref, fail)
    monitor(ref, heard.append)
    detach = telemetry.attach(fail)
    try:
        ref.shutdown()
        with pytest.raises(ActorDead):
            answer.get(timeout=HANG)
    finally:
        detach()

    assert [down.ref for down in heard] == [ref]
