"""Where CPython would lose a kill: it takes effect all the same, and nothing is printed of it."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from supervision import KILLED, Actor, Ref
from supervision.execution import interruptible
from supervision.executor import ActorKilled
from supervision.testing import HANG, wait_for_exit
from supervision.testing_children import spin
from tests.supervision.echo import Echo


class Thing:
    """Somebody to hold on to, or to refer to weakly."""

    def __init__(self) -> None:
        self.itself: Thing | None = None


def let_go(whenever: Callable[[], None]) -> None:
    """Call `whenever` in the callback of a weak reference."""
    thing = Thing()
    _watch = weakref.ref(thing, lambda _: whenever())
    del thing


def delete(whenever: Callable[[], None]) -> None:
    """Call it in a `__del__`."""

    class Deleted:
        def __del__(self) -> None:
            whenever()

    Deleted()


def collect(whenever: Callable[[], None]) -> None:
    """Call it while garbage is collected."""
    thing = Thing()
    thing.itself = thing
    _watch = weakref.ref(thing, lambda _: whenever())
    del thing
    gc.collect()


def killed_from_outside(ref: Ref, raised: list[str]) -> None:
    """Have another thread kill the actor that runs here, and note how the exception came."""
    go, killed = threading.Event(), threading.Event()
    killer = threading.Thread(target=lambda: (go.wait(HANG), ref.kill(), killed.set()))
    killer.start()
    try:
        go.set()
        killed.wait(HANG)
    except ActorKilled:
        raised.append("and is lost")
        raise


@pytest.mark.parametrize("lose", [let_go, delete, collect])
def test_a_kill_that_nobody_could_be_told_of_is_raised_again(
    start: Any, lose: Callable[[Callable[[], None]], None]
) -> None:
    raised: list[str] = []

    def lose_and_go_on(actor: Actor) -> None:
        lose(lambda: killed_from_outside(actor.actor_ref, raised))
        spin()

    ref = start(Echo)
    ref.tell(lose_and_go_on)

    assert wait_for_exit(ref) == KILLED
    assert raised == ["and is lost"]


def test_what_others_lose_goes_to_the_hook_that_was_there(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from supervision import _cpython

    lost: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda one: lost.append(one.exc_type))
    _cpython.raise_again_when_lost(ActorKilled, tuple)

    def fail() -> None:
        raise LookupError

    start(Echo).ask(lambda _: let_go(fail), timeout=HANG)
    assert lost == [LookupError]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="it has no identity until it runs")
def test_an_actor_is_not_killed_while_it_starts_a_thread(start: Any) -> None:
    """In CPython 3.11 the exception would go to the new thread, and the actor wait for it."""

    class Noting(threading.Event):
        """Notes whether whoever waits for it can be interrupted."""

        def wait(self, timeout: float | None = None) -> bool:
            seen.append(interruptible())
            return super().wait(timeout)

    def start_one(_: Actor) -> None:
        thread = threading.Thread(target=lambda: None)
        thread._started = Noting()  # type: ignore[attr-defined]
        thread.start()
        seen.append(interruptible())
        thread.join()

    seen: list[bool] = []
    start(Echo).ask(start_one, timeout=HANG)

    assert seen == [False, True]


def test_an_actor_that_starts_threads_can_be_killed(start: Any) -> None:
    started = threading.Event()

    def start_many(_: Actor) -> None:
        while True:
            thread = threading.Thread(target=started.set)
            thread.start()
            thread.join()

    for _ in range(20):
        started.clear()
        ref = start(Echo)
        ref.tell(start_many)
        assert started.wait(HANG)
        ref.kill()
        assert wait_for_exit(ref) == KILLED
