"""What can be seen from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from supervision import Actor, telemetry
from supervision.testing import HANG, Gate, wait_for_exit


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Mapping[str, Any]]]]:
    events: list[tuple[str, Mapping[str, Any]]] = []
    detach = telemetry.attach(lambda event, fields: events.append((event, fields)))
    yield events
    detach()


class Echo(Actor):
    """Answers with the message, or calls it."""

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


def test_a_start_and_an_end_are_told_with_the_reason(start: Any, heard: list[Any]) -> None:
    ref = start(Echo)
    ref.stop()

    mine = [(event, fields) for event, fields in heard if fields.get("ref") is ref]
    assert mine == [
        (telemetry.ACTOR_STARTED, {"ref": ref}),
        (telemetry.ACTOR_ENDED, {"ref": ref, "reason": ref.exit_reason}),
    ]


def test_a_message_that_nobody_will_handle_is_a_dead_letter(start: Any, heard: list[Any]) -> None:
    gate = Gate()
    ref = start(Echo)
    ref.tell(lambda _: gate.pass_through())
    gate.wait_arrived()
    ref.shutdown()
    ref.tell("too late")
    before = telemetry.dead_letters.count
    gate.open()
    wait_for_exit(ref)
    ref.signal("later still")

    letters = [fields["message"] for event, fields in heard if event == telemetry.DEAD_LETTER]
    assert letters == ["too late", "later still"]
    assert telemetry.dead_letters.count == before + 2


def test_a_handler_that_fails_is_detached_and_harms_nobody(start: Any) -> None:
    calls: list[str] = []

    def fail(event: str, _: Mapping[str, Any]) -> None:
        calls.append(event)
        raise RuntimeError

    telemetry.attach(fail)
    ref = start(Echo)

    assert ref.ask("alive", timeout=HANG) == "alive"
    ref.stop()
    assert len(calls) == 1


def test_a_handler_that_was_detached_hears_nothing(start: Any) -> None:
    calls: list[str] = []
    telemetry.attach(lambda event, _: calls.append(event))()
    start(Echo).stop()

    assert calls == []
