"""Restart type and exit reason decide; as a table."""

from __future__ import annotations

from itertools import product

import pytest

from supervision import ABANDONED, KILLED, NORMAL, SHUTDOWN, Crashed, Shutdown
from supervision.decisions import Decision, after_exit, auto_shuts_down
from supervision.reasons import ExitReason
from supervision.terms import (
    ALL_SIGNIFICANT,
    ANY_SIGNIFICANT,
    PERMANENT,
    TEMPORARY,
    TRANSIENT,
    AutoShutdown,
    Restart,
)

QUIET = [NORMAL, SHUTDOWN, Shutdown("for a reason")]
ABNORMAL = [KILLED, ABANDONED, Crashed(RuntimeError("x"))]

TABLE = [
    *[(PERMANENT, reason, Decision.RESTART) for reason in QUIET + ABNORMAL],
    *[(TRANSIENT, reason, Decision.KEEP) for reason in QUIET],
    *[(TRANSIENT, reason, Decision.RESTART) for reason in ABNORMAL],
    *[(TEMPORARY, reason, Decision.FORGET) for reason in QUIET + ABNORMAL],
]


@pytest.mark.parametrize(("restart", "reason", "decision"), TABLE)
def test_restart_type_and_exit_reason_decide(
    restart: Restart, reason: ExitReason, decision: Decision
) -> None:
    assert after_exit(restart, reason) is decision


@pytest.mark.parametrize(
    ("mode", "significant", "left"),
    list(product(AutoShutdown, [True, False], [True, False])),
)
def test_only_significant_children_shut_a_supervisor_down(
    mode: AutoShutdown, significant: bool, left: bool
) -> None:
    expected = {
        (ANY_SIGNIFICANT, True, True),
        (ANY_SIGNIFICANT, True, False),
        (ALL_SIGNIFICANT, True, False),
    }
    assert auto_shuts_down(mode, significant=significant, significant_left=left) == (
        (mode, significant, left) in expected
    )
