"""An actor is killed before each line that it runs in this package: what it shares stays whole.

Every step is run again and again, and killed one line later each time, until it runs to its end. So
each place between two steps is tried, and none by luck.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import supervision
from supervision import (
    KILLED,
    OWN_THREAD,
    Actor,
    ActorDead,
    CallTimeout,
    Dispatcher,
    Future,
    Mailbox,
    Monitor,
    Overflow,
    Pool,
    Ref,
    Registry,
    abandoned_threads,
    blocking,
    execution,
    monitor,
    shield,
    spawn,
)
from supervision._cpython import raising_in
from supervision._pykka import Envelope
from supervision.executor import ActorKilled, Executor
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from tests.supervision.echo import Echo

PACKAGE = str(Path(supervision.__file__).parent)


class KillAt:
    """Kills the actor on this thread before the line number `line` of this package that it runs."""

    def __init__(self, line: int, killer: Killer) -> None:
        self._left = line
        self._killer = killer
        self.struck = False

    def run(self, step: Callable[[], object]) -> None:
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            step()
        finally:
            sys.settrace(before)

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        executor, ref = execution.current(), execution.current_ref()
        assert executor is not None
        assert ref is not None
        if event == "line" and not locked(executor):  # a kill would wait for it
            self._left -= 1
            if self._left == 0:
                self.struck = True
                sys.settrace(None)  # the exception must not be raised in here at the next line
                for _ in self._raised_after(ref):
                    return self._trace
        return self._trace

    def _raised_after(self, ref: Ref) -> Iterable[object]:
        """Kill `ref`, which is on this thread, now; raise it only where CPython looks next.

        The exception would be raised in here, and a trace function must not raise. So it is taken,
        and injected again by the iteration of a `map`.
        """
        try:
            self._killer.kill(ref)
        except ActorKilled:
            return raising_in(threading.get_ident(), ActorKilled)
        return ()  # it is shielded, and raises it by itself


def locked(executor: Executor) -> bool:
    """Return whether this thread has a lock that a kill needs: its own, or its pool's."""
    pool = executor.pool
    return executor._lock.locked() or (isinstance(pool, Pool) and pool._lock.locked())


class Killer:
    """A thread that kills for another one, which must not start a thread where it is."""

    def __init__(self) -> None:
        self._kills: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run)

    def kill(self, ref: Ref) -> None:
        """Have `ref` killed, and wait until that is done."""
        killed: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._kills.put(lambda: killed.put(ref.kill()))
        killed.get()

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._kills.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (kill := self._kills.get()) is not None:
            kill()


def killed_at_each_line(start: Any, step: Callable[[], Callable[[], object]]) -> Iterator[Ref]:
    """Run what `step()` makes in an actor that is killed on the way; give it when it has ended."""
    with Killer() as killer:
        for line in count(1):
            point, action = KillAt(line, killer), step()
            ref = start(Echo)
            ref.tell(lambda _, point=point, action=action: point.run(action))
            if not point_reached(ref, point):
                return
            yield ref


def point_reached(ref: Ref, point: KillAt) -> bool:
    answer = ref.ask("done", block=False)
    answer_of(answer)
    if not point.struck:
        return False
    assert wait_for_exit(ref) == KILLED
    return True


def answer_of(future: Future[Any]) -> object:
    try:
        return future.get(timeout=HANG)
    except CallTimeout:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the answer is, it is one
        return error


def test_a_killed_killer_has_killed_or_not_begun(start: Any) -> None:
    victim = start(Echo)

    def kill() -> Callable[[], object]:
        nonlocal victim
        victim = start(Echo)
        return victim.kill

    struck = 0
    for _ in killed_at_each_line(start, kill):
        struck += 1
        victim.kill()
        assert wait_for_exit(victim) == KILLED
    assert struck > 10


def test_an_actor_that_abandons_another_and_is_killed_has_done_it_or_not_begun(start: Any) -> None:
    """The other is shielded: an exception that waits for a thread would stop a tracer (CPython)."""
    victim, release = start(Echo), threading.Event()

    def abandon() -> Callable[[], object]:
        nonlocal victim, release
        release, entered = threading.Event(), threading.Event()
        victim = spawn(Echo, dispatcher=OWN_THREAD)
        victim.tell(lambda _, release=release: stand_still(entered, release))
        assert entered.wait(HANG)
        return victim.abandon

    for _ in killed_at_each_line(start, abandon):
        victim.abandon()
        assert victim.exit_reason is not None
        assert len(abandoned_threads()) == 1
        release.set()
        wait_until(lambda: not abandoned_threads())
    release.set()
    wait_until(lambda: not abandoned_threads())


def stand_still(entered: threading.Event, release: threading.Event) -> None:
    with shield():
        entered.set()
        release.wait()


def test_what_a_killed_teller_leaves_behind_is_a_mailbox_that_is_read(start: Any) -> None:
    pool = Pool(1, "told-pool")
    receiver = spawn(Echo, dispatcher=pool)
    for _ in killed_at_each_line(start, lambda: lambda: receiver.tell("noise")):
        assert receiver.ask("heard", timeout=HANG) == "heard"
    receiver.stop()
    pool.close()


def test_a_killed_sender_costs_a_pool_no_worker(start: Any) -> None:
    """A pool that is short of workers starts one in the thread of the sender."""
    pool = Pool(1, "short-pool")
    receiver = spawn(Echo, dispatcher=pool)

    def message() -> Callable[[], object]:
        assert receiver.ask("runs", timeout=HANG) == "runs"
        pool.size += 1
        return lambda: receiver.tell("more")

    for _ in killed_at_each_line(start, message):
        assert receiver.ask("heard", timeout=HANG) == "heard"
        wait_until(
            lambda: pool.workers == sum("short-pool" in t.name for t in threading.enumerate())
        )
    receiver.stop()
    pool.close()


def threads_of(name: str) -> int:
    return sum(name in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("overflow", list(Overflow))
def test_a_killed_sender_leaves_a_full_mailbox_whole(start: Any, overflow: Overflow) -> None:
    """Its limit still holds, and no message that is in it is unread."""
    gate, receiver, over = Gate(), start(Echo), threading.Event()

    def tell() -> Callable[[], object]:
        nonlocal gate, receiver, over
        gate, receiver, over = Gate(), start(Echo, mailbox=Mailbox(1, overflow)), threading.Event()
        receiver.tell(lambda _, gate=gate: gate.pass_through())
        gate.wait_arrived()
        receiver.tell("first")
        if overflow is Overflow.REFUSE:
            return lambda receiver=receiver: receiver.signal("second")
        if overflow is Overflow.BLOCK:  # there is room when it waits
            threading.Thread(target=open_for_who_waits, args=(gate, receiver, over)).start()
        return lambda receiver=receiver: receiver.tell("second")

    for _ in killed_at_each_line(start, tell):
        over.set()
        gate.open()
        inbox = receiver.actor_inbox
        wait_until(lambda inbox=inbox: inbox._count == 0 and not inbox._waiting)
        assert receiver.ask("heard", timeout=HANG) == "heard"
        assert inbox.qsize() == inbox._tokens.qsize() == 0
    gate.open()


def open_for_who_waits(gate: Gate, receiver: Ref, over: threading.Event) -> None:
    wait_until(lambda: bool(receiver.actor_inbox._waiting) or over.is_set())
    gate.open()


def test_a_killed_starter_leaves_no_name_that_nobody_answers_to(
    start: Any, dispatcher: Dispatcher
) -> None:
    names = Registry("names")
    keys = count()
    key = 0

    def named() -> Callable[[], object]:
        nonlocal key
        key = next(keys)
        return lambda: spawn(Echo, name=names.name(key), dispatcher=dispatcher)

    for _ in killed_at_each_line(start, named):
        owner = names.whereis(key)
        if owner is not None:
            assert owner.ask("answers", timeout=HANG) == "answers"
            owner.stop()
    last = names.whereis(key)
    assert last is not None
    last.stop()


def test_a_pooled_actor_that_is_killed_while_it_waits_gives_its_place_back() -> None:
    pool = Pool(1, "lending-pool")
    other = spawn(Echo, dispatcher=pool)

    def start(actor_class: type[Actor]) -> Ref:
        return spawn(actor_class, dispatcher=pool)

    def wait() -> None:
        with blocking():
            other.ask("meanwhile", timeout=HANG)

    for _ in killed_at_each_line(start, lambda: wait):
        assert other.ask("alive", timeout=HANG) == "alive"
        wait_until(lambda: pool._waiting == 0)
    other.stop()
    pool.close()


def test_a_killed_watcher_of_an_actor_that_has_ended_has_reported_or_not_begun(start: Any) -> None:
    """A watch that is on the list of an actor which has ended would never fire."""
    ended = start(Echo)
    ended.stop()
    fired: list[Any] = []

    def watch() -> Callable[[], object]:
        fired.clear()
        return lambda: monitor(ended, fired.append)

    for _ in killed_at_each_line(start, watch):
        left: list[Monitor] = ended.__dict__.get("_watcher_list", [])
        assert len(left) == len(fired)
        left.clear()


def test_the_answers_of_an_actor_that_ended_do_not_die_with_a_sender(start: Any) -> None:
    """A sender that finds the actor ended empties its mailbox, others' asks among it."""
    ended, future = start(Echo), Future[Any]()

    def tell_the_dead() -> Callable[[], object]:
        nonlocal ended, future
        ended, future = start(Echo), Future()
        ended.stop()
        ended.actor_inbox.put(Envelope("asked", future))
        return lambda: ended.signal("late")

    for _ in killed_at_each_line(start, tell_the_dead):
        ended.signal("later")
        assert isinstance(answer_of(future), ActorDead)


def test_an_ask_is_answered_at_whatever_line_of_its_deferral_the_actor_is_killed(
    start: Any,
) -> None:
    def killed_while_deferring(line: int, killer: Killer) -> bool:
        point, ref = KillAt(line, killer), start(Echo)
        asked = ref.ask(
            lambda actor: point.run(lambda: actor.defer_reply().try_set(1)), block=False
        )
        answer = answer_of(asked)
        assert answer == 1 or isinstance(answer, ActorDead)
        return point_reached(ref, point)

    with Killer() as killer:
        lines = next(line for line in count(1) if not killed_while_deferring(line, killer))
    assert lines > 10
