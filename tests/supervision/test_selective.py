"""What a selective receive is shown, what it puts aside, and what breaks it off."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pykka.messages import ProxyGetAttr

from supervision import (
    NORMAL,
    SHUTDOWN,
    Actor,
    ActorDead,
    CallTimeout,
    Crashed,
    Down,
    ExitReason,
    ExitSignal,
    Ref,
    monitor,
    shield,
    spawn,
)
from supervision.messages import WAKE, is_stop
from supervision.observer import GetState
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from tests.supervision.echo import Recorder


class Waiting(Recorder):
    """Says whether it was stopped, too."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped = False

    def on_stop(self) -> None:
        self.stopped = True


class Trapping(Waiting):
    """Is not ended by exit signals."""

    trap_exits = True


def begins_with(letter: str) -> Callable[[Any], bool]:
    """Accepts strings; anything that is no sequence of strings makes it raise."""
    return lambda message: message[0] == letter


@pytest.fixture(params=[Waiting, Trapping])
def kind(request: pytest.FixtureRequest) -> type[Waiting]:
    return request.param


def held(ref: Ref) -> int:
    return 0 if ref.running is None else ref.running.messages_held()


def begin(ref: Ref, match: Callable[[Any], bool], **options: Any) -> Any:
    """Have the actor receive; return the future of what it gets, once it has begun."""
    gate = Gate()

    def receive(actor: Actor) -> Any:
        gate.pass_through()
        return actor.receive(match, **options)

    answer = ref.ask(receive, block=False)
    gate.wait_arrived()
    gate.open()
    return answer


# -- what it is shown ------------------------------------------------------------------------------


def test_the_runtimes_own_messages_are_not_shown(kind: type[Waiting]) -> None:
    ref, shown = spawn(kind), list[Any]()

    def match(message: Any) -> bool:
        shown.append(message)
        return begins_with("x")(message)

    answer = begin(ref, match)
    state = ref.ask(GetState(), block=False)
    attribute = ref.ask(ProxyGetAttr(attr_path=("stopped",)), block=False)
    ref.signal(WAKE)
    ref.tell("xyz")

    assert answer.get(timeout=HANG) == "xyz"
    assert shown == ["xyz"]
    assert state.get(timeout=HANG)["stopped"] is False  # they had waited
    assert attribute.get(timeout=HANG) is False
    ref.stop()


def test_a_down_and_a_trapped_signal_are_shown() -> None:
    ref, other = spawn(Trapping), spawn(Waiting)
    watch = monitor(other, ref)
    downs = begin(ref, lambda message: isinstance(message, Down))
    other.stop()
    assert downs.get(timeout=HANG) == Down(other, NORMAL, watch)

    signals = begin(ref, lambda message: isinstance(message, ExitSignal))
    ref.exit(SHUTDOWN)
    assert signals.get(timeout=HANG) == ExitSignal(None, SHUTDOWN)
    ref.stop()


def test_the_runtimes_messages_are_shown_to_who_wants_them() -> None:
    ref = spawn(Waiting)
    answer = begin(ref, is_stop, system=True)
    ref.shutdown()

    assert is_stop(answer.get(timeout=HANG))
    assert ref.is_alive()
    ref.stop()


# -- what becomes of a message on which it raises --------------------------------------------------


def test_a_message_on_which_the_match_raises_is_answered() -> None:
    ref = spawn(Waiting)
    answer = begin(ref, begins_with("x"))
    asked = ref.ask(5, block=False)

    assert isinstance(wait_for_exit(ref), Crashed)
    with pytest.raises(TypeError):
        answer.get(timeout=HANG)
    with pytest.raises(ActorDead):
        asked.get(timeout=HANG)


def test_a_message_on_which_the_match_raises_is_not_lost_if_that_is_handled() -> None:
    ref = spawn(Waiting)

    def receive(actor: Waiting) -> None:
        with pytest.raises(TypeError):
            actor.receive(begins_with("x"), timeout=HANG)

    done = ref.ask(receive, block=False)
    asked = ref.ask(5, block=False)
    done.get(timeout=HANG)

    assert asked.get(timeout=HANG) == 5
    ref.stop()


# -- what breaks it off ----------------------------------------------------------------------------

STOPS = pytest.mark.parametrize(
    ("stop", "reason"), [(Ref.shutdown, SHUTDOWN), (partial(Ref.stop, block=False), NORMAL)]
)


@STOPS
def test_a_request_to_stop_breaks_it_off(stop: Any, reason: ExitReason) -> None:
    ref = spawn(Waiting)
    actor: Any = ref.running
    answer = begin(ref, begins_with("x"))
    ref.tell("aside")
    stopped = stop(ref)

    assert wait_for_exit(ref) == reason
    assert actor.stopped
    with pytest.raises(ActorDead):
        answer.get(timeout=HANG)
    assert stopped is None or stopped.get(timeout=HANG)


@STOPS
def test_a_request_to_stop_that_waits_already_breaks_it_off(stop: Any, reason: ExitReason) -> None:
    ref, gate = spawn(Waiting), Gate()

    def receive(actor: Actor) -> None:
        gate.pass_through()
        actor.receive(begins_with("x"))

    ref.tell(receive)
    gate.wait_arrived()
    ref.tell("aside")
    stop(ref)
    ref.tell("x, but too late")
    gate.open()

    assert wait_for_exit(ref) == reason


def test_a_request_to_stop_breaks_off_a_start_that_waits() -> None:
    class Starting(Waiting):
        def on_start(self) -> None:
            self.receive(begins_with("x"))

    ref = spawn(Starting)
    actor: Any = ref.running
    ref.shutdown()

    assert wait_for_exit(ref) == SHUTDOWN
    assert actor.stopped


def test_what_comes_before_the_request_is_received() -> None:
    ref, gate, got = spawn(Waiting), Gate(), []
    ref.tell(lambda actor: (gate.pass_through(), got.append(actor.receive(begins_with("x")))))
    gate.wait_arrived()
    ref.tell("xyz")
    ref.shutdown()
    gate.open()

    assert wait_for_exit(ref) == SHUTDOWN
    assert got == ["xyz"]


@STOPS
def test_who_traps_exits_goes_on_until_its_hook_is_done(stop: Any, reason: ExitReason) -> None:
    ref = spawn(Trapping)
    actor: Any = ref.running
    answer = begin(ref, begins_with("x"))
    stop(ref)
    wait_until(lambda: held(ref) == 1)
    ref.tell("xyz")

    assert answer.get(timeout=HANG) == "xyz"
    assert wait_for_exit(ref) == reason
    assert actor.stopped


def test_it_goes_on_in_the_last_hook() -> None:
    got = []

    class Lingering(Waiting):
        def on_stop(self) -> None:
            got.append(self.receive(begins_with("x"), timeout=HANG))

    ref = spawn(Lingering)
    ref.shutdown()
    stopped = ref.stop(block=False)
    ref.signal("xyz")

    assert wait_for_exit(ref) == SHUTDOWN
    assert stopped.get(timeout=HANG)
    assert got == ["xyz"]


def test_it_goes_on_in_a_shield() -> None:
    ref, gate, got = spawn(Waiting), Gate(), []

    def receive(actor: Actor) -> None:
        gate.pass_through()
        with shield():
            got.append(actor.receive(begins_with("x"), timeout=HANG))

    ref.tell(receive)
    gate.wait_arrived()
    ref.shutdown()
    ref.tell("xyz")
    gate.open()

    assert wait_for_exit(ref) == SHUTDOWN
    assert got == ["xyz"]


def test_a_look_that_does_not_wait_sees_the_request_too() -> None:
    ref, gate, left = spawn(Waiting), Gate(), []

    def look(actor: Actor) -> None:
        gate.pass_through()
        with pytest.raises(CallTimeout):
            actor.receive(begins_with("x"), timeout=0)
        left.append("looked")

    ref.tell(look)
    gate.wait_arrived()
    ref.shutdown()
    gate.open()

    assert wait_for_exit(ref) == SHUTDOWN
    assert left == []
