"""What can be seen from outside."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog

import supervision
from supervision import (
    SHUTDOWN,
    Actor,
    ActorDead,
    Backoff,
    Crashed,
    Pool,
    Registry,
    Supervisor,
    SupervisorFlags,
    dead_letters,
    resume,
    spawn,
    suspend,
    telemetry,
    which_children,
)
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from supervision.testing_children import Fail, Script
from tests.supervision.echo import Echo


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Mapping[str, Any]]]]:
    events: list[tuple[str, Mapping[str, Any]]] = []
    detach = telemetry.attach(lambda event, fields: events.append((event, fields)))
    yield events
    detach()


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
    before = dead_letters.count
    gate.open()
    wait_for_exit(ref)
    ref.signal("later still")

    letters = [fields["message"] for event, fields in heard if event == telemetry.DEAD_LETTER]
    assert letters == ["too late", "later still"]
    assert dead_letters.count == before + 2


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


# -- what is documented ----------------------------------------------------------------------------


def emissions() -> dict[str, set[frozenset[str]]]:
    """The fields of each emission in the source, by the name of the event's constant."""
    found: dict[str, set[frozenset[str]]] = {}
    for path in Path(supervision.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "emit":
                fields = frozenset(str(keyword.arg) for keyword in node.keywords)
                for name in ast.walk(node.args[0]):
                    constant = getattr(name, "attr", None) or getattr(name, "id", "")
                    if constant.isupper():
                        found.setdefault(constant, set()).add(fields)
    return found


def declared() -> dict[str, telemetry.Event]:
    """The events of this package by the names of their constants; other packages have theirs."""
    return {
        name: event
        for module in pkgutil.iter_modules(supervision.__path__, "supervision.")
        for name, event in vars(importlib.import_module(module.name)).items()
        if isinstance(event, telemetry.Event)
    }


def test_each_event_is_emitted_with_the_fields_that_are_documented() -> None:
    documented = {name: {frozenset(event.fields)} for name, event in declared().items()}

    assert emissions() == documented


def no_thread_left(*_: object) -> None:
    msg = "can't start new thread"
    raise RuntimeError(msg)


def be_short_of_threads() -> None:
    pool = Pool(1, "short-pool")
    ref = spawn(Looking, dispatcher=pool)
    wait_until(lambda: ref.started_at is not None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread_left)
        pool.size = 2
        ref.signal("more")
    ref.stop()
    pool.close()


def test_each_event_says_when_and_what(heard: list[Any]) -> None:
    """All of them are provoked, and come as they are documented."""
    started = Script("child")
    root = Supervisor.start([started.spec()], SupervisorFlags(max_restarts=0))
    started.wait_started().tell(Fail(RuntimeError()))
    wait_for_exit(root)
    waiting = Script("waiting")
    root = Supervisor.start([waiting.spec(backoff=Backoff(60.0, 60.0))])
    waiting.wait_started().tell(Fail(RuntimeError()))
    wait_until(lambda: which_children(root)[0].next_restart is not None, what="the wait")
    root.stop()
    ref = spawn(Looking)
    suspend(ref, timeout=HANG)
    resume(ref, timeout=HANG)
    ref.exit(Crashed(RuntimeError()))
    wait_for_exit(ref)
    ref.signal("too late")
    abandon_one()
    be_short_of_threads()
    names = Registry("names")
    names.add_listener(lambda _: 1 / 0)
    telemetry.attach(lambda *_: 1 / 0)
    spawn(Looking, name=names.name("looking")).stop()

    assert {event for event, _ in heard} == set(declared().values())
    for event, fields in heard:
        assert set(fields) == set(telemetry.EVENTS[event].fields)
        assert telemetry.EVENTS[event].when


def abandon_one() -> None:
    """Give up a thread that is stuck, and let it end."""
    release, entered = threading.Lock(), threading.Event()
    release.acquire()
    ref = spawn(Looking)
    ref.tell(lambda: (entered.set(), release.acquire()))
    entered.wait(HANG)
    before = telemetry.counts().abandoned_threads
    ref.abandon()
    assert telemetry.counts().abandoned_threads == before + 1
    release.release()
    wait_until(lambda: telemetry.counts().abandoned_threads == before)


class Looking(Actor):
    """Calls the message."""

    def on_receive(self, message: Any) -> Any:
        return message() if callable(message) else message


def test_an_event_is_declared_once() -> None:
    with pytest.raises(ValueError, match="declared already"):
        telemetry.Event("actor.started", "again")


def test_events_can_be_logged(start: Any) -> None:
    logged: list[dict[str, Any]] = []

    class Logger:
        def debug(self, **fields: Any) -> None:
            logged.append(fields)

    structlog.configure(processors=[], logger_factory=lambda *_: Logger())
    ref = start(Echo)
    ref.ask("running", timeout=HANG)
    detach = telemetry.attach(telemetry.log_event)
    ref.shutdown()
    wait_for_exit(ref)
    detach()

    assert {"event": "actor.ended", "ref": ref.label, "reason": "shutdown"} in logged


def test_an_actor_ends_wholly_where_the_log_cannot_be_written(
    start: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    class Closed:
        def __getattr__(self, _level: str) -> Any:
            raise BrokenPipeError("nobody reads the log")

    structlog.configure(processors=[], logger_factory=lambda *_: Closed())
    ref = start(Echo)
    gate = Gate()
    ref.tell(lambda _actor: gate.pass_through())
    gate.wait_arrived()
    ref.crash(RuntimeError("oops"))
    behind = ref.ask("behind it", block=False)
    gate.open()

    with pytest.raises(ActorDead):
        behind.get(timeout=HANG)
    assert isinstance(wait_for_exit(ref), Crashed)
    assert f"the end of {ref.label} was disturbed" in capsys.readouterr().err


# -- counts ----------------------------------------------------------------------------------------


def test_messages_are_counted_also_those_of_threads_that_have_ended(start: Any) -> None:
    before = telemetry.counts().messages
    first, second = start(Echo), start(Echo)
    for n in range(300):
        first.ask(n, timeout=HANG)
    assert telemetry.counts().messages >= before + 300
    second.ask("one", timeout=HANG)
    for ref in (first, second):
        ref.shutdown()
        assert wait_for_exit(ref) == SHUTDOWN

    wait_until(lambda: telemetry.counts().messages == before + 303)


def test_restarts_are_counted() -> None:
    before = telemetry.counts().restarts
    script = Script()
    root = Supervisor.start([script.spec()])
    script.wait_started().tell(Fail(RuntimeError()))
    script.wait_started()
    root.stop()

    assert telemetry.counts().restarts == before + 1
