"""OTP `supervisor_SUITE`: flags, the fields of reports, and what many children cost."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from supervision import POOLED, Actor, Crashed, InvalidSupervisorFlags
from supervision.reports import Reporter
from supervision.specs import SupervisorFlags, child_spec
from supervision.supervisor import Supervisor


@pytest.mark.parametrize(
    "flags",
    [
        {"strategy": "one_for_one"},
        {"max_restarts": -1},
        {"max_restarts": "3"},
        {"max_seconds": 0},
        {"max_seconds": -1},
        {"auto_shutdown": "never"},
    ],
)
def test_otp_sup_flags(supervise: Any, flags: Any) -> None:
    """Each bad flag is rejected before anything is started; no restarts at all are allowed."""
    with pytest.raises(InvalidSupervisorFlags, match=f"^{next(iter(flags))}: "):
        supervise(flags=SupervisorFlags(**flags))

    assert supervise(flags=SupervisorFlags(max_restarts=0)).is_alive()


def test_otp_scale_start_stop_many_children(supervise: Any, lines_run: Any) -> None:
    """Starting and stopping ten times as many children is about ten times the work."""
    few, many = (_work_of(supervise, lines_run, count) for count in (30, 300))

    assert 2 * few < many < 20 * few


def _work_of(supervise: Any, lines_run: Any, count: int) -> int:
    specs = [child_spec(Actor, id=number, dispatcher=POOLED) for number in range(count)]
    with lines_run() as lines:
        supervise(*specs).stop()
        return int(lines())


REPORT = ["supervisor", "child", "reason", "decision"]


def _report(processor: Any) -> Any:
    """Report one failed start to a supervisor's logger, and return what the processor made."""
    root = Supervisor.start()
    seen: list[Any] = []

    def keep(logger: object, method: str, event: dict[str, Any]) -> Any:
        seen.append(processor(logger, method, dict(event)))
        raise structlog.DropEvent

    log = structlog.wrap_logger(structlog.PrintLogger(), processors=[keep])
    Reporter(root, log).start_failed("child", Crashed(ValueError("x")), "try again")
    root.stop()
    return seen[0]


def test_otp_format_log_1() -> None:
    """A report has a fixed set of keys in a fixed order."""
    event = _report(lambda logger, method, event: event)

    assert [key for key in event if key not in ("event", "exc_info")] == REPORT
    assert (event["event"], event["child"]) == ("supervisor.start_failed", "child")


def test_otp_format_log_2() -> None:
    """It has a form of one line."""
    event = _report(structlog.processors.LogfmtRenderer(key_order=["event", *REPORT]))

    assert event.startswith("event=supervisor.start_failed supervisor=Supervisor@")
    assert "\n" not in event
