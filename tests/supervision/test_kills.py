"""A kill at the wrong moment: nobody is left waiting, no thread spins, and there is only one."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from supervision import KILLED, Actor, CallTimeout, Future, SupervisionError, Supervisor
from supervision._pykka import StopRequest
from supervision.execution import shield
from supervision.testing import HANG, Gate, wait_for_exit
from supervision.testing_children import spin
from tests.supervision.echo import Echo


def take_stop_and_be_killed(actor: Actor) -> None:
    """Take a request to stop, but be killed before anything can be done about it."""

    def is_stop(message: object) -> bool:
        if isinstance(message, StopRequest):
            actor.actor_ref.kill()
            return True
        return False

    actor.receive(is_stop, system=True)


def test_a_stop_that_was_taken_by_who_is_killed_is_answered() -> None:
    ref = Echo.start()
    ref.tell(take_stop_and_be_killed)
    stop = ref.stop(block=False)

    assert wait_for_exit(ref) == KILLED
    assert stop.get(timeout=HANG)


class KilledOnceItLetsGo(Actor):
    """Is killed as soon as nobody but the caller has the future of the answer."""

    def release_reply(self) -> Future[Any]:
        future = super().release_reply()
        self.actor_ref.kill()
        return future


class RefusesAndIsKilled(KilledOnceItLetsGo, Supervisor):
    """A supervisor that is killed when it lets go of an answer."""


def test_a_stop_is_answered_by_who_is_killed_while_handling_it(start: Any) -> None:
    assert start(KilledOnceItLetsGo).stop(timeout=HANG)


def test_a_refusal_is_answered_by_a_supervisor_that_is_killed_over_it() -> None:
    ref = RefusesAndIsKilled.start()
    with pytest.raises(SupervisionError) as caught:
        ref.ask("what no supervisor knows", timeout=HANG)
    ref.kill()
    wait_for_exit(ref)

    assert not isinstance(caught.value, CallTimeout)


def test_a_kill_that_comes_while_a_shielded_block_fails_is_not_lost(start: Any) -> None:
    handled, gate = threading.Event(), Gate()

    def fail_in_the_shield(actor: Actor) -> None:
        try:
            with shield():
                actor.actor_ref.kill()
                raise RuntimeError
        except RuntimeError:
            handled.set()
        gate.pass_through()

    ref = start(Echo)
    ref.tell(fail_in_the_shield)

    assert wait_for_exit(ref) == KILLED
    assert not handled.is_set()
    gate.open()


def test_a_kill_leaves_no_trace_in_the_interpreter(start: Any) -> None:
    """In CPython 3.11 a flag that stays up makes a traced thread, as under a debugger, spin."""
    ref, gate = start(Echo), Gate()
    ref.tell(lambda _: (gate.pass_through(), spin()))
    gate.wait_arrived()
    gate.open()
    ref.kill()
    assert wait_for_exit(ref) == KILLED

    traced = threading.Thread(target=call_traced, daemon=True)
    traced.start()
    traced.join(HANG)

    assert not traced.is_alive()


def call_traced() -> None:
    sys.settrace(lambda *_: None)
    any_function()
    sys.settrace(None)


def any_function() -> None:
    """Its start is where a traced thread would spin."""
