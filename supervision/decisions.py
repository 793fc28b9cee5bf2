"""What a supervisor does about a child that has ended: tables, without effects.

Source: the clauses of `do_restart` and `do_auto_shutdown` in OTP's `supervisor.erl`.
"""

from __future__ import annotations

from enum import Enum

from supervision.reasons import ExitReason
from supervision.terms import (
    ALL_SIGNIFICANT,
    ANY_SIGNIFICANT,
    PERMANENT,
    TEMPORARY,
    AutoShutdown,
    Restart,
)

__all__ = ["Decision", "after_exit", "auto_shuts_down"]


class Decision(Enum):
    """What happens to a child that has ended. The values are what the log says."""

    RESTART = "restart"
    KEEP = "keep its spec, do not restart"
    FORGET = "forget it, do not restart"
    GIVE_UP = "give up: too many restarts"


def after_exit(restart: Restart, reason: ExitReason) -> Decision:
    """Decide by restart type and exit reason.

    ========= ====== ======== ========
    restart   normal shutdown abnormal
    ========= ====== ======== ========
    permanent again  again    again
    transient keep   keep     again
    temporary forget forget   forget
    ========= ====== ======== ========
    """
    if restart is TEMPORARY:
        return Decision.FORGET
    if restart is PERMANENT or reason.abnormal:
        return Decision.RESTART
    return Decision.KEEP


def auto_shuts_down(mode: AutoShutdown, *, significant: bool, significant_left: bool) -> bool:
    """Return whether the supervisor ends because a child has ended by itself and stays ended.

    Args:
        mode: the supervisor's `auto_shutdown`.
        significant: whether that child was significant.
        significant_left: whether another significant child runs or is being restarted.
    """
    if not significant:
        return False
    return mode is ANY_SIGNIFICANT or (mode is ALL_SIGNIFICANT and not significant_left)
