"""OTP on Pykka: actors that are supervised, named, watched and restarted.

GenServer, Supervisor, DynamicSupervisor, Registry, monitors and timers as Erlang and Elixir have
them, on Pykka's actors. It knows nothing of the rest of this project and needs pykka and structlog
only.
"""

from __future__ import annotations

from supervision.actor import Actor, spawn
from supervision.clock import SYSTEM_CLOCK, Clock, ManualClock, SystemClock
from supervision.dispatch import OWN_THREAD, POOLED, Dispatcher, Pool
from supervision.errors import (
    ActorDead,
    AlreadyPresent,
    AlreadyRegistered,
    AlreadyStarted,
    CallCycle,
    CallTimeout,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    Ignore,
    InvalidChildSpec,
    InvalidSupervisorFlags,
    MaxChildren,
    NoProcess,
    NotSupported,
    Rejection,
    StartFailed,
    SupervisionError,
)
from supervision.execution import abandoned_threads, blocking, current_ref
from supervision.future import Future
from supervision.messages import Exited, Started
from supervision.monitors import Down, Monitor, monitor
from supervision.reasons import (
    ABANDONED,
    KILLED,
    NO_PROCESS,
    NORMAL,
    SHUTDOWN,
    Abandoned,
    Crashed,
    ExitReason,
    Killed,
    Normal,
    Shutdown,
)
from supervision.ref import ActorInfo, Ref
from supervision.registry import Entry, Name, Registered, Registry, RegistryKeeper, Unregistered
from supervision.timers import Timer, Timers, TimersKeeper

__all__ = [
    "ABANDONED",
    "KILLED",
    "NORMAL",
    "NO_PROCESS",
    "OWN_THREAD",
    "POOLED",
    "SHUTDOWN",
    "SYSTEM_CLOCK",
    "Abandoned",
    "Actor",
    "ActorDead",
    "ActorInfo",
    "AlreadyPresent",
    "AlreadyRegistered",
    "AlreadyStarted",
    "CallCycle",
    "CallTimeout",
    "ChildNotFound",
    "ChildRestarting",
    "ChildRunning",
    "Clock",
    "Crashed",
    "Dispatcher",
    "Down",
    "Entry",
    "ExitReason",
    "Exited",
    "Future",
    "Ignore",
    "InvalidChildSpec",
    "InvalidSupervisorFlags",
    "Killed",
    "ManualClock",
    "MaxChildren",
    "Monitor",
    "Name",
    "NoProcess",
    "Normal",
    "NotSupported",
    "Pool",
    "Ref",
    "Registered",
    "Registry",
    "RegistryKeeper",
    "Rejection",
    "Shutdown",
    "StartFailed",
    "Started",
    "SupervisionError",
    "SystemClock",
    "Timer",
    "Timers",
    "TimersKeeper",
    "Unregistered",
    "abandoned_threads",
    "blocking",
    "current_ref",
    "monitor",
    "spawn",
]
