"""OTP on Pykka: actors that are supervised, named, watched and restarted.

GenServer, Supervisor, DynamicSupervisor, Registry, monitors and timers as Erlang and Elixir have
them, on Pykka's actors. It knows nothing of the rest of this project and needs pykka and structlog
only.
"""

from __future__ import annotations

from supervision.actor import Actor
from supervision.administration import (
    count_children,
    delete_child,
    get_child_spec,
    restart_child,
    restart_child_async,
    start_child,
    start_child_async,
    start_children,
    start_children_async,
    terminate_child,
    terminate_child_async,
    which_children,
)
from supervision.backoff import Backoff
from supervision.calls import remaining
from supervision.children import ChildInfo, ChildState, Counts
from supervision.clock import SYSTEM_CLOCK, Clock, ManualClock, SystemClock
from supervision.dispatch import OWN_THREAD, Dispatcher
from supervision.dynamic_supervisor import DynamicSupervisor
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
    MailboxFull,
    MaxChildren,
    NoProcess,
    NotRegistered,
    NotSupported,
    PoolClosed,
    Rejection,
    StartFailed,
    SupervisionError,
)
from supervision.execution import blocking, current_ref, shield
from supervision.executor import abandoned_threads
from supervision.future import Future
from supervision.introspection import TreeNode, format_tree, tree
from supervision.links import link, unlink
from supervision.mailbox import Mailbox, Overflow
from supervision.messages import Exited, ExitSignal, Started
from supervision.monitors import Down, Monitor, monitor
from supervision.observer import (
    Statistics,
    TopBy,
    get_state,
    resume,
    statistics,
    suspend,
    top,
    trace,
)
from supervision.partition_supervisor import PartitionSupervisor, resize_partitions
from supervision.partitions import Partition, partition_of, partitions
from supervision.pool import Pool
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
from supervision.reports import AutomaticShutdown, GaveUp
from supervision.shared_pool import POOLED
from supervision.spawning import spawn
from supervision.specs import ChildSpec, Start, SupervisorFlags, child_spec
from supervision.supervisor import Supervisor
from supervision.task_streams import async_stream
from supervision.tasks import Task, TaskSupervisor, async_nolink, async_task, start_task
from supervision.terms import (
    ALL_SIGNIFICANT,
    ANY_SIGNIFICANT,
    BRUTAL_KILL,
    INFINITY,
    NEVER,
    ONE_FOR_ALL,
    ONE_FOR_ONE,
    PERMANENT,
    REST_FOR_ONE,
    SUPERVISOR,
    TEMPORARY,
    TRANSIENT,
    WORKER,
    AutoShutdown,
    ChildType,
    Restart,
    Strategy,
)
from supervision.timers import Timer, Timers, TimersKeeper
from supervision.tracing import TraceEvent, TraceKind, log_trace
from supervision.undelivered import DeadLetter, Undelivered, dead_letters

__all__ = [
    "ABANDONED",
    "ALL_SIGNIFICANT",
    "ANY_SIGNIFICANT",
    "BRUTAL_KILL",
    "INFINITY",
    "KILLED",
    "NEVER",
    "NORMAL",
    "NO_PROCESS",
    "ONE_FOR_ALL",
    "ONE_FOR_ONE",
    "OWN_THREAD",
    "PERMANENT",
    "POOLED",
    "REST_FOR_ONE",
    "SHUTDOWN",
    "SUPERVISOR",
    "SYSTEM_CLOCK",
    "TEMPORARY",
    "TRANSIENT",
    "WORKER",
    "Abandoned",
    "Actor",
    "ActorDead",
    "ActorInfo",
    "AlreadyPresent",
    "AlreadyRegistered",
    "AlreadyStarted",
    "AutoShutdown",
    "AutomaticShutdown",
    "Backoff",
    "CallCycle",
    "CallTimeout",
    "ChildInfo",
    "ChildNotFound",
    "ChildRestarting",
    "ChildRunning",
    "ChildSpec",
    "ChildState",
    "ChildType",
    "Clock",
    "Counts",
    "Crashed",
    "DeadLetter",
    "Dispatcher",
    "Down",
    "DynamicSupervisor",
    "Entry",
    "ExitReason",
    "ExitSignal",
    "Exited",
    "Future",
    "GaveUp",
    "Ignore",
    "InvalidChildSpec",
    "InvalidSupervisorFlags",
    "Killed",
    "Mailbox",
    "MailboxFull",
    "ManualClock",
    "MaxChildren",
    "Monitor",
    "Name",
    "NoProcess",
    "Normal",
    "NotRegistered",
    "NotSupported",
    "Overflow",
    "Partition",
    "PartitionSupervisor",
    "Pool",
    "PoolClosed",
    "Ref",
    "Registered",
    "Registry",
    "RegistryKeeper",
    "Rejection",
    "Restart",
    "Shutdown",
    "Start",
    "StartFailed",
    "Started",
    "Statistics",
    "Strategy",
    "SupervisionError",
    "Supervisor",
    "SupervisorFlags",
    "SystemClock",
    "Task",
    "TaskSupervisor",
    "Timer",
    "Timers",
    "TimersKeeper",
    "TopBy",
    "TraceEvent",
    "TraceKind",
    "TreeNode",
    "Undelivered",
    "Unregistered",
    "abandoned_threads",
    "async_nolink",
    "async_stream",
    "async_task",
    "blocking",
    "child_spec",
    "count_children",
    "current_ref",
    "dead_letters",
    "delete_child",
    "format_tree",
    "get_child_spec",
    "get_state",
    "link",
    "log_trace",
    "monitor",
    "partition_of",
    "partitions",
    "remaining",
    "resize_partitions",
    "restart_child",
    "restart_child_async",
    "resume",
    "shield",
    "spawn",
    "start_child",
    "start_child_async",
    "start_children",
    "start_children_async",
    "start_task",
    "statistics",
    "suspend",
    "terminate_child",
    "terminate_child_async",
    "top",
    "trace",
    "tree",
    "unlink",
    "which_children",
]
