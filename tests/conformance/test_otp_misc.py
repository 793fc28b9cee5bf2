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


def test_otp_scale_start_stop_many_children(supervise: Any, cpu_seconds: Any) -> None:
    """Starting and stopping is about linear in the number of children."""

    def cost(count: int) -> float:
        specs = [child_spec(Actor, id=number, dispatcher=POOLED) for number in range(count)]
        return float(cpu_seconds(lambda: specs, lambda specs: supervise(*specs).stop()))

    few, many = cost(50), cost(500)

    assert many < 50 * few


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
