from __future__ import annotations

import io
import json
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

import pytest
import structlog

from ledger_actors.logs import CHATTY, configure_logging
from ledger_actors.settings import LogSettings
from supervision.supervisor import Supervisor
from supervision.testing_children import Fail, Script


@pytest.fixture
def logged() -> Iterator[Callable[..., io.StringIO]]:
    """A function that configures logging onto a string and is undone after the test."""
    undo: list[Callable[[], None]] = []

    def configure(*, level: str = "info", log_format: str = "json") -> io.StringIO:
        stream = io.StringIO()
        settings = LogSettings.model_validate({"level": level, "format": log_format})
        undo.append(configure_logging(settings, stream=stream))
        return stream

    yield configure
    for step in reversed(undo):
        step()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def log_a_crash() -> None:
    log = structlog.get_logger().bind(actor="asset/7")
    try:
        raise RuntimeError("the disk is on fire")
    except RuntimeError:
        log.exception("crashed", reason="crashed: RuntimeError", decision="restart")


class TestJson:
    def test_is_one_object_a_line_in_a_fixed_order(
        self, logged: Callable[..., io.StringIO]
    ) -> None:
        stream = logged()
        log = structlog.get_logger().bind(actor="asset/7")
        log.info("hydrated", version=3, event_id=12, correlation_id="c-1")
        (event,) = lines(stream)
        assert list(event) == [
            "timestamp", "level", "event", "actor", "event_id", "correlation_id", "version"
        ]  # fmt: skip
        assert str(event["timestamp"]).endswith("Z")

    def test_a_crash_is_one_line_with_reason_traceback_and_decision(
        self, logged: Callable[..., io.StringIO]
    ) -> None:
        stream = logged()
        log_a_crash()
        (event,) = lines(stream)
        assert event["actor"] == "asset/7"
        assert event["reason"] == "crashed: RuntimeError"
        assert event["decision"] == "restart"
        assert "RuntimeError: the disk is on fire" in str(event["exception"])
        assert "log_a_crash" in str(event["exception"])

    def test_a_value_that_is_not_json_is_written_as_its_text(
        self, logged: Callable[..., io.StringIO]
    ) -> None:
        stream = logged()
        structlog.get_logger().info("seen", reason=RuntimeError("no"))
        assert lines(stream)[0]["reason"] == "no"


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_traceback_has_the_code_that_crashed_and_a_line_for_our_own() -> None:
    screen = Screen()
    settings = LogSettings.model_validate({"level": "info", "format": "console"})
    undo = configure_logging(settings, stream=screen)
    script = Script("child")
    root = Supervisor.start([script.spec()])
    script.wait_started().tell(Fail(RuntimeError("oops")))
    script.wait_started()
    root.stop()
    undo()
    shown = screen.getvalue()
    assert "testing_children.py" in shown
    assert "RuntimeError" in shown
    assert "❱" not in shown  # the mark of a line of code: all frames here are supervision's
    assert len(shown.splitlines()) < 25


class TestConsole:
    def test_shows_a_traceback_line_by_line(self, logged: Callable[..., io.StringIO]) -> None:
        stream = logged(log_format="console")
        log_a_crash()
        text = stream.getvalue()
        assert "actor=asset/7 reason='crashed: RuntimeError' decision=restart\nTraceback" in text
        assert text.endswith("RuntimeError: the disk is on fire\n")

    def test_shows_a_traceback_that_comes_as_text_line_by_line(
        self, logged: Callable[..., io.StringIO]
    ) -> None:
        stream = logged(log_format="console")
        structlog.get_logger().error("crashed", traceback="Traceback ...:\n  line 1\nValueError: x")
        assert stream.getvalue().endswith("crashed\nTraceback ...:\n  line 1\nValueError: x\n")

    def test_shows_a_value_as_its_text(self, logged: Callable[..., io.StringIO]) -> None:
        stream = logged(log_format="console")
        structlog.get_logger().info("cycled", date=date(2026, 11, 23), amount=Decimal("1.50"))
        assert stream.getvalue().endswith("date=2026-11-23 amount=1.50\n")

    def test_has_no_colours_where_nobody_sees_them(
        self, logged: Callable[..., io.StringIO]
    ) -> None:
        stream = logged(log_format="console")
        structlog.get_logger().info("hello")
        assert "\x1b" not in stream.getvalue()


class TestContext:
    def test_what_is_bound_for_a_stretch_of_code_is_in_every_event_of_it(
        self, logged: Callable[..., io.StringIO]
    ) -> None:
        stream = logged()
        with structlog.contextvars.bound_contextvars(event_id=5, correlation_id="c-5"):
            structlog.get_logger().info("inside")
            logging.getLogger("somebody.else").warning("inside too")
        structlog.get_logger().info("outside")
        inside, foreign, outside = lines(stream)
        assert (inside["event_id"], inside["correlation_id"]) == (5, "c-5")
        assert foreign["event_id"] == 5
        assert "event_id" not in outside

    def test_is_not_shared_between_threads(self, logged: Callable[..., io.StringIO]) -> None:
        stream = logged()
        with structlog.contextvars.bound_contextvars(event_id=5):
            thread = threading.Thread(target=lambda: structlog.get_logger().info("elsewhere"))
            thread.start()
            thread.join()
        assert "event_id" not in lines(stream)[0]


class TestStandardLibrary:
    def test_a_librarys_log_comes_in_the_same_form(
        self, logged: Callable[..., io.StringIO]
    ) -> None:
        stream = logged()
        logging.getLogger("uvicorn.error").error("port %d is taken", 80)
        (event,) = lines(stream)
        assert event["event"] == "port 80 is taken"
        assert event["logger"] == "uvicorn.error"
        assert event["level"] == "error"

    @pytest.mark.parametrize("name", [*CHATTY, "uvicorn.access", "uvicorn.error"])
    def test_libraries_are_quiet_when_all_is_well(
        self, name: str, logged: Callable[..., io.StringIO]
    ) -> None:
        stream = logged(level="info")
        logging.getLogger(name).info("as usual")
        assert stream.getvalue() == ""

    def test_a_warning_is_logged(self, logged: Callable[..., io.StringIO]) -> None:
        stream = logged()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(capture=False)
            logging.captureWarnings(capture=True)
            warnings.warn("mind the gap", stacklevel=1)
        assert "mind the gap" in str(lines(stream)[0]["event"])

    def test_an_exception_that_ends_a_thread_is_logged(
        self, logged: Callable[..., io.StringIO]
    ) -> None:
        stream = logged()

        def crash() -> None:
            raise RuntimeError("nobody watched")

        thread = threading.Thread(target=crash, name="loner")
        thread.start()
        thread.join()
        (event,) = lines(stream)
        assert (event["event"], event["thread"]) == ("thread.crashed", "loner")
        assert "nobody watched" in str(event["exception"])


class TestConfiguration:
    @pytest.mark.parametrize(
        ("level", "expected"),
        [
            ("debug", ["debug", "info", "warning", "error"]),
            ("info", ["info", "warning", "error"]),
            ("warning", ["warning", "error"]),
            ("error", ["error"]),
        ],
    )
    def test_the_level_is_for_our_logs_and_the_libraries(
        self, level: str, expected: list[str], logged: Callable[..., io.StringIO]
    ) -> None:
        stream = logged(level=level)
        for name in ("debug", "info", "warning", "error"):
            getattr(structlog.get_logger(), name)("ours")
            getattr(logging.getLogger("theirs"), name)("theirs")
        assert [event["level"] for event in lines(stream) if event["event"] == "ours"] == expected
        assert [event["level"] for event in lines(stream) if event["event"] == "theirs"] == expected

    def test_a_logger_made_before_follows_it(self, logged: Callable[..., io.StringIO]) -> None:
        log = structlog.get_logger()
        first = logged()
        log.info("one")
        second = logged()
        log.info("two")
        assert [event["event"] for event in lines(first)] == ["one"]
        assert [event["event"] for event in lines(second)] == ["two"]

    def test_is_put_back_as_it_was(self) -> None:
        root, hook = logging.getLogger(), threading.excepthook
        before = (root.level, root.handlers, structlog.get_config()["processors"])
        restore = configure_logging(
            LogSettings.model_validate({"level": "error", "format": "json"}), stream=io.StringIO()
        )
        assert root.handlers != before[1]
        restore()
        assert (root.level, root.handlers, structlog.get_config()["processors"]) == before
        assert threading.excepthook is hook
