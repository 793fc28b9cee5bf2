"""What supervisors log: one event for each crash, with fixed fields; nothing when all is well."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from supervision import KILLED, Actor, Crashed, telemetry
from supervision.administration import count_children, start_child, terminate_child
from supervision.dynamic_supervisor import DynamicSupervisor
from supervision.errors import Ignore, StartFailed
from supervision.reports import GaveUp, Reporter, child_text
from supervision.specs import ChildSpec, SupervisorFlags, child_spec
from supervision.supervisor import Supervisor
from supervision.terms import BRUTAL_KILL, TEMPORARY
from supervision.testing import wait_for_exit, wait_until
from supervision.testing_children import Fail, Script

FIELDS = ["event", "supervisor", "child", "reason", "decision"]


@pytest.fixture
def logged() -> list[dict[str, Any]]:
    """What is logged in the test, as dictionaries in the order of their fields."""
    events: list[dict[str, Any]] = []

    def keep(logger: object, method: str, event: dict[str, Any]) -> Any:
        del logger
        events.append({"event": event.pop("event"), **event, "level": method})
        raise structlog.DropEvent

    structlog.configure(processors=[keep], cache_logger_on_first_use=False)
    return events


@pytest.fixture
def told() -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    """What telemetry tells in the test, by event."""
    events: list[tuple[str, dict[str, Any]]] = []
    detach = telemetry.attach(lambda event, fields: events.append((event, dict(fields))))
    yield lambda wanted: [fields for event, fields in events if event == wanted]
    detach()


def test_a_crash_is_one_event_with_reason_traceback_and_decision(
    logged: list[dict[str, Any]],
) -> None:
    script = Script("child")
    root = Supervisor.start([script.spec()])
    exception = RuntimeError("oops")

    script.wait_started().tell(Fail(exception))
    script.wait_started()
    root.stop()

    (event,) = logged
    assert list(event)[:5] == FIELDS
    assert event["event"] == "supervisor.child_crashed"
    assert (event["child"], event["decision"]) == ("child", "restart")
    assert event["reason"] == "crashed: RuntimeError: oops"
    assert event["exc_info"][1] is exception
    assert event["exc_info"][2] is not None


class Careful(Actor):
    """Says what it is at; crashes on any message, and at its start if told to."""

    def __init__(self, *, at_start: bool = False, speechless: bool = False) -> None:
        super().__init__()
        self.at_start, self.speechless = at_start, speechless

    def on_start(self) -> None:
        if self.at_start:
            raise RuntimeError("oops")

    def on_receive(self, message: Any) -> None:
        raise RuntimeError("oops")

    def crash_context(self, message: Any) -> dict[str, object]:
        if self.speechless:
            raise LookupError("no words")
        return {"message": message, "event": "mine", "reason": "mine", "supervisor": "mine"}


def careful(**options: Any) -> ChildSpec:
    return child_spec(Careful, id="careful", restart=TEMPORARY, **options)


def test_a_crash_says_what_the_actor_was_at(
    logged: list[dict[str, Any]], told: Callable[[str], list[dict[str, Any]]]
) -> None:
    root = Supervisor.start()
    ref = start_child(root, careful())
    ref.tell("m-1")
    reason = wait_for_exit(ref)
    root.stop()

    (event,) = logged
    assert list(event)[:5] == FIELDS
    assert event["message"] == "m-1"
    assert (event["event"], event["child"]) == ("supervisor.child_crashed", "careful")
    assert event["reason"] == "crashed: RuntimeError: oops"
    ended = next(one for one in told("supervisor.child_ended") if one["ref"] is ref)
    assert ended["reason"].context["message"] == "m-1"
    assert reason == Crashed(reason.exception)


def test_a_traceback_begins_with_the_actors_own_code(logged: list[dict[str, Any]]) -> None:
    root = Supervisor.start()
    ref = start_child(root, careful())
    ref.tell("m-1")
    wait_for_exit(ref)
    root.stop()

    frames = traceback.extract_tb(logged[0]["exc_info"][2])
    assert [frame.name for frame in frames] == ["on_receive"]


def test_a_start_that_fails_says_what_the_actor_was_at(logged: list[dict[str, Any]]) -> None:
    root = Supervisor.start()
    with pytest.raises(StartFailed):
        start_child(root, careful(at_start=True))
    root.stop()

    assert logged[0]["message"] is None


def test_an_actor_that_cannot_say_what_it_was_at_has_crashed_of_the_first_reason(
    logged: list[dict[str, Any]],
) -> None:
    root = Supervisor.start()
    ref = start_child(root, careful(speechless=True))
    ref.tell("m-1")
    wait_for_exit(ref)
    root.stop()

    (event,) = logged
    assert event["reason"] == "crashed: RuntimeError: oops"
    assert event["crash_context_failed"] == "LookupError('no words')"


def test_nothing_is_logged_when_all_is_well(logged: list[dict[str, Any]]) -> None:
    root = Supervisor.start([Script("child").spec(), Script("brutal").spec(shutdown=BRUTAL_KILL)])
    start_child(root, Script("other").spec())
    terminate_child(root, "other")
    root.stop()

    assert logged == []


def test_a_temporary_child_that_crashes_says_that_it_is_not_restarted(
    logged: list[dict[str, Any]],
) -> None:
    script = Script("child")
    root = Supervisor.start([script.spec(restart=TEMPORARY)])
    ref = script.wait_started()

    ref.kill()
    wait_for_exit(ref)
    root.stop()

    assert [(event["reason"], event["decision"]) for event in logged] == [
        ("killed", "forget it, do not restart")
    ]


def test_giving_up_is_logged_after_the_crash_that_caused_it(logged: list[dict[str, Any]]) -> None:
    script = Script("child")
    root = Supervisor.start([script.spec()], SupervisorFlags(max_restarts=0))

    script.wait_started().tell(Fail(RuntimeError("oops")))
    wait_for_exit(root)

    assert [event["event"] for event in logged] == [
        "supervisor.child_crashed",
        "supervisor.gave_up",
    ]
    assert logged[0]["decision"] == "give up: too many restarts"
    assert (logged[1]["max_restarts"], logged[1]["max_seconds"]) == (0, 5.0)


def test_a_start_that_fails_is_logged_with_what_follows(logged: list[dict[str, Any]]) -> None:
    script, root = Script("child"), Supervisor.start()
    script.next_starts(RuntimeError("oops"))

    with pytest.raises(StartFailed):
        start_child(root, script.spec())
    root.stop()

    (event,) = logged
    assert list(event)[:5] == FIELDS
    assert event["decision"] == "refuse: nothing is left behind"


def test_a_crash_during_a_stop_is_logged(logged: list[dict[str, Any]]) -> None:
    script = Script("child")
    script.at_stop = lambda: 1 / 0
    Supervisor.start([script.spec()]).stop()

    (event,) = logged
    assert list(event)[:5] == FIELDS
    assert (event["event"], event["went_as_far_as"]) == ("supervisor.stop_failed", "asked")


def test_a_message_that_a_supervisor_does_not_know_is_logged(logged: list[dict[str, Any]]) -> None:
    root = Supervisor.start()
    root.tell("hello")
    with pytest.raises(Exception, match="does not know the message str"):
        root.ask("hello")
    root.stop()

    assert [event["event"] for event in logged] == ["supervisor.unexpected_message"] * 2


def test_telemetry_is_told_of_every_end_and_every_give_up(told: Any) -> None:
    script = Script("child")
    root = Supervisor.start([script.spec()], SupervisorFlags(max_restarts=0))
    ref = script.wait_started()

    ref.kill()
    wait_for_exit(root)

    (ended,) = told(telemetry.CHILD_ENDED)
    assert ended["supervisor"] is root
    assert (ended["child_id"], ended["ref"], ended["reason"]) == ("child", ref, KILLED)
    (gave_up,) = told(telemetry.SUPERVISOR_GAVE_UP)
    assert gave_up == {
        "supervisor": root,
        "child_id": "child",
        "max_restarts": 0,
        "max_seconds": 5.0,
    }


def test_the_detail_of_giving_up_is_a_sentence(logged: list[dict[str, Any]]) -> None:
    root = Supervisor.start()
    reporter = Reporter(root, structlog.get_logger())

    detail = reporter.gave_up("child", SupervisorFlags(), Crashed(ValueError("x")))
    root.stop()

    assert isinstance(detail, GaveUp)
    assert str(detail) == (
        "reached max restart intensity: more than 3 restarts in 5 s, "
        "the last of child 'child' (crashed: ValueError: x)"
    )


@pytest.mark.parametrize(
    ("child_id", "read"),
    [
        ("journal", "journal"),
        (("account", "a-1"), "account/a-1"),
        (RuntimeError, "RuntimeError"),
        (("account", 7), "account/7"),
    ],
)
def test_a_child_s_id_is_logged_as_a_person_would_write_it(child_id: Any, read: str) -> None:
    assert child_text(child_id) == read


@pytest.mark.parametrize("awaited", [True, False])
def test_to_decline_is_for_the_start_alone_later_it_is_a_crash(
    told: Callable[[str], list[dict[str, Any]]], awaited: bool
) -> None:
    script, root = Script("late"), DynamicSupervisor.start()
    start_child(root, script.spec(await_start=awaited, restart=TEMPORARY))

    script.wait_started().tell(Fail(Ignore()))
    wait_until(lambda: count_children(root).specs == 0, what="its end")
    root.stop()

    (ended,) = told(telemetry.CHILD_ENDED)
    assert (ended["child_id"], ended["reason"].abnormal) == ("late", True)
