"""The behaviours: aggregates, command handlers, process managers and projectors as actors.

A program defines its events and commands with `@event` and `@command`, subclasses the behaviours,
and puts them into a tree; see the README.
"""

from __future__ import annotations

from ledger_actors.runtime.aggregate import Aggregate, Named
from ledger_actors.runtime.aggregate_messages import ReadAhead, ReadState, Stand
from ledger_actors.runtime.audit import (
    AuditFinding,
    ConsumerAudit,
    audit,
    standing_of_consumer,
)
from ledger_actors.runtime.catalog import (
    EVENTS,
    Event,
    EventCatalog,
    Form,
    event,
    event_name,
)
from ledger_actors.runtime.command_bus import CommandBus
from ledger_actors.runtime.command_catalog import (
    COMMANDS,
    Command,
    CommandCatalog,
    command,
    command_name,
)
from ledger_actors.runtime.consumer import Consumer
from ledger_actors.runtime.consumer_messages import ReadPosition, WaitFor, consumer_key
from ledger_actors.runtime.delivery import Delivery
from ledger_actors.runtime.discards import ParkedEventDiscarded, discard, discards_stream
from ledger_actors.runtime.envelopes import (
    MAX_COMMAND_BYTES,
    CommandEnvelope,
    Outcome,
    decode_envelope,
    envelope,
)
from ledger_actors.runtime.errors import (
    CommandTimeout,
    DoesNotExist,
    DuplicateName,
    FutureSchemaVersion,
    InvalidCommand,
    InvalidEvent,
    LedgerRuntimeError,
    MissedEventError,
    NoSuchStream,
    NotParked,
    OtherHistory,
    PoisonEvent,
    PositionAhead,
    ProjectorGone,
    ProjectorStopped,
    ReadModelDamaged,
    ReadModelFull,
    ReadModelIncomplete,
    StreamGap,
    TooManyConflicts,
    UnknownCommand,
    UnknownEventType,
)
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.runtime.handler import CommandHandler
from ledger_actors.runtime.parking import Batch, DiscardParked, ParkingOutcome, RetryParked
from ledger_actors.runtime.poison import Failure
from ledger_actors.runtime.process_manager import ProcessManager
from ledger_actors.runtime.projection_process import ProjectionProcess
from ledger_actors.runtime.projector import Projector, Rebuild
from ledger_actors.runtime.read_models import ReadModel, ReadModels
from ledger_actors.runtime.recorded import Recorded, StreamEvents, decode_recorded
from ledger_actors.runtime.runtime import Runtime
from ledger_actors.runtime.stored_states import state_at
from ledger_actors.runtime.subscriptions import Subscriptions
from ledger_actors.runtime.system import (
    AGGREGATES,
    JOURNAL,
    PROJECTION_PROCESS,
    RuntimeOptions,
    System,
)
from ledger_actors.runtime.table_rows import Rows
from supervision import Rejection

__all__ = [
    "AGGREGATES",
    "COMMANDS",
    "EVENTS",
    "JOURNAL",
    "MAX_COMMAND_BYTES",
    "PROJECTION_PROCESS",
    "Aggregate",
    "AuditFinding",
    "Batch",
    "Command",
    "CommandBus",
    "CommandCatalog",
    "CommandEnvelope",
    "CommandHandler",
    "CommandTimeout",
    "Consumer",
    "ConsumerAudit",
    "Delivery",
    "DiscardParked",
    "DoesNotExist",
    "DuplicateName",
    "Event",
    "EventCatalog",
    "EventFilter",
    "Failure",
    "Form",
    "FutureSchemaVersion",
    "InvalidCommand",
    "InvalidEvent",
    "LedgerRuntimeError",
    "MissedEventError",
    "Named",
    "NoSuchStream",
    "NotParked",
    "OtherHistory",
    "Outcome",
    "ParkedEventDiscarded",
    "ParkingOutcome",
    "PoisonEvent",
    "PositionAhead",
    "ProcessManager",
    "ProjectionProcess",
    "Projector",
    "ProjectorGone",
    "ProjectorStopped",
    "ReadAhead",
    "ReadModel",
    "ReadModelDamaged",
    "ReadModelFull",
    "ReadModelIncomplete",
    "ReadModels",
    "ReadPosition",
    "ReadState",
    "Rebuild",
    "Recorded",
    "Rejection",
    "RetryParked",
    "Rows",
    "Runtime",
    "RuntimeOptions",
    "Stand",
    "StreamEvents",
    "StreamGap",
    "Subscriptions",
    "System",
    "TooManyConflicts",
    "UnknownCommand",
    "UnknownEventType",
    "WaitFor",
    "audit",
    "command",
    "command_name",
    "consumer_key",
    "decode_envelope",
    "decode_recorded",
    "discard",
    "discards_stream",
    "envelope",
    "event",
    "event_name",
    "standing_of_consumer",
    "state_at",
]
