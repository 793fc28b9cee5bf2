"""A Pykka future with callbacks."""

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest

from supervision import CallTimeout, Future
from supervision.testing import HANG


def test_a_callback_runs_at_once_when_the_result_is_here() -> None:
    future: Future[int] = Future()
    future.set(1)
    seen: list[int] = []
    future.add_done_callback(lambda done: seen.append(done.get()))

    assert seen == [1]


def test_callbacks_run_once_in_the_thread_that_sets_the_result() -> None:
    future: Future[int] = Future()
    threads: list[threading.Thread] = []
    future.add_done_callback(lambda _: threads.append(threading.current_thread()))
    setter = threading.Thread(target=future.set, args=[1])
    setter.start()
    setter.join(HANG)

    assert threads == [setter]


def test_a_callback_may_come_before_those_that_were_there_and_those_who_wait() -> None:
    future: Future[int] = Future(callback=lambda _: seen.append("given at once"))
    seen: list[str] = []
    future.add_done_callback(lambda _: seen.append("added"))
    future.call_first(lambda _: seen.append("first"))
    future.set(1)
    future.call_first(lambda _: seen.append("late"))

    assert seen == ["first", "given at once", "added", "late"]


def test_a_failing_callback_harms_neither_the_setter_nor_the_others() -> None:
    future: Future[int] = Future()
    seen: list[str] = []

    def fail(_: Future[int]) -> None:
        raise RuntimeError

    future.add_done_callback(fail)
    future.add_done_callback(lambda _: seen.append("reached"))
    future.set(1)

    assert seen == ["reached"]


def test_only_the_first_result_holds() -> None:
    future: Future[int] = Future()
    assert future.try_set(1) is True
    assert future.try_set(2) is False
    with pytest.raises(queue.Full):
        future.set_exception(ValueError())

    assert future.get() == 1


def test_of_many_setters_one_wins() -> None:
    for _ in range(200):
        future: Future[int] = Future()
        barrier, won = threading.Barrier(4), []

        def settle(n: int, future: Any = future, barrier: Any = barrier, won: Any = won) -> None:
            barrier.wait(HANG)
            if future.try_set(n):
                won.append(n)

        setters = [threading.Thread(target=settle, args=[n]) for n in range(4)]
        for setter in setters:
            setter.start()
        for setter in setters:
            setter.join(HANG)
        assert won == [future.get()]


def test_an_exception_that_was_set_is_raised_with_its_traceback() -> None:
    future: Future[int] = Future()

    def fail() -> None:
        raise LookupError("there")

    try:
        fail()
    except LookupError:
        future.set_exception()

    with pytest.raises(LookupError, match="there") as caught:
        future.get()
    assert caught.traceback[-1].name == "fail"
    assert isinstance(future.exception(), LookupError)


def test_a_wait_that_gave_up_leaves_the_future_usable() -> None:
    future: Future[int] = Future()
    with pytest.raises(CallTimeout):
        future.get(timeout=0.001)
    future.set(1)

    assert future.get() == 1


def test_asking_for_the_exception_of_a_pending_future_is_an_error() -> None:
    with pytest.raises(CallTimeout, match="no result yet"):
        Future[int]().exception()
