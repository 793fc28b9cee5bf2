"""OTP's words for how children are kept: the choices that specs and flags are made of."""

from __future__ import annotations

import math
from enum import Enum
from typing import Final, TypeAlias

__all__ = [
    "ALL_SIGNIFICANT",
    "ANY_SIGNIFICANT",
    "BRUTAL_KILL",
    "DEFAULT_SHUTDOWN",
    "INFINITY",
    "NEVER",
    "ONE_FOR_ALL",
    "ONE_FOR_ONE",
    "PERMANENT",
    "REST_FOR_ONE",
    "SUPERVISOR",
    "TEMPORARY",
    "TRANSIENT",
    "WORKER",
    "AutoShutdown",
    "BrutalKill",
    "ChildType",
    "Restart",
    "ShutdownTime",
    "Strategy",
]


class Restart(Enum):
    """When a child that has ended is started again."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"


class ChildType(Enum):
    """What a child is; it decides how long its shutdown may take by default."""

    WORKER = "worker"
    SUPERVISOR = "supervisor"


class Strategy(Enum):
    """Which children are restarted with the one that has failed."""

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"


class AutoShutdown(Enum):
    """Whether a supervisor ends when its significant children have ended by themselves."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


class BrutalKill(Enum):
    """The shutdown of a child that is not asked first."""

    BRUTAL_KILL = "brutal_kill"


PERMANENT: Final = Restart.PERMANENT
TRANSIENT: Final = Restart.TRANSIENT
TEMPORARY: Final = Restart.TEMPORARY
WORKER: Final = ChildType.WORKER
SUPERVISOR: Final = ChildType.SUPERVISOR
ONE_FOR_ONE: Final = Strategy.ONE_FOR_ONE
ONE_FOR_ALL: Final = Strategy.ONE_FOR_ALL
REST_FOR_ONE: Final = Strategy.REST_FOR_ONE
NEVER: Final = AutoShutdown.NEVER
ANY_SIGNIFICANT: Final = AutoShutdown.ANY_SIGNIFICANT
ALL_SIGNIFICANT: Final = AutoShutdown.ALL_SIGNIFICANT
BRUTAL_KILL: Final = BrutalKill.BRUTAL_KILL
INFINITY: Final = math.inf

ShutdownTime: TypeAlias = float | BrutalKill
DEFAULT_SHUTDOWN: Final = 5.0
