"""Logs: structlog for everything, and the standard library's loggers routed through it.

A person reads a console line, a program reads one JSON object a line; `LogSettings.format` says
which. Every event has ``actor`` where an actor wrote it, and ``event_id`` and ``correlation_id``
where it handles an event of the ledger; these come first in both forms. They are bound with
``logger.bind`` or, for a stretch of code, with ``structlog.contextvars.bound_contextvars``.

Quiet when all is well: the libraries below us speak only when something is wrong.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

import supervision
from ledger_actors.settings import LogSettings

FIRST = ("timestamp", "level", "event", "actor", "event_id", "correlation_id")
"""The fields that are looked for first, in this order."""

CHATTY = ("asyncio", "httpcore", "httpx", "pykka", "uvicorn")
"""Loggers of libraries that report what is no news to whoever runs a ledger."""

PRINTED_AS_THEY_ARE = (str, int, float, bool, type(None), dict, list, tuple)

_TRACEBACK = structlog.dev.RichTracebackFormatter(
    show_locals=False,  # they hide what happened, and show secrets
    extra_lines=1,
    width=100,
    suppress=[supervision],  # its frames are the same in every crash: a line for each
)

UNCAUGHT = "thread.crashed"  # thread, exception: one that no actor and no supervisor handled


def configure_logging(settings: LogSettings, *, stream: TextIO | None = None) -> Callable[[], None]:
    """Send every log of this process to ``stream`` (standard error), as ``settings`` say.

    For a program's entry point, in its main thread: it sets the process's root logger, structlog's
    configuration and the hooks for warnings and for exceptions that end a thread. Returns a
    function that puts back what was there before, for those who start a ledger inside a program
    of their own.
    """
    stream = sys.stderr if stream is None else stream
    level = getattr(logging, settings.level.upper())
    with ExitStack() as undo:
        _configure_stdlib(undo, level, _handler(settings.format, stream))
        _configure_structlog(undo, level)
        _catch_uncaught(undo)
        return undo.pop_all().close


def _configure_structlog(undo: ExitStack, level: int) -> None:
    if structlog.is_configured():
        undo.callback(partial(structlog.configure, **structlog.get_config()))
    else:  # nobody had: who looks afterwards must not find that somebody has
        undo.callback(structlog.reset_defaults)
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=logging.getLogger,  # structlog's own looks for a name among the callers
        # A logger that is kept in a module must follow a later configuration.
        cache_logger_on_first_use=False,
    )


def _configure_stdlib(undo: ExitStack, level: int, handler: logging.Handler) -> None:
    root = logging.getLogger()
    _set_logger(undo, root, level, [handler])
    quiet = logging.INFO if level == logging.DEBUG else max(level, logging.WARNING)
    for name in CHATTY:
        _set_logger(undo, logging.getLogger(name), quiet, [])
    logging.captureWarnings(capture=True)
    undo.callback(logging.captureWarnings, capture=False)


def _set_logger(
    undo: ExitStack, logger: logging.Logger, level: int, handlers: list[logging.Handler]
) -> None:
    before, before_level = logger.handlers, logger.level
    undo.callback(logger.setLevel, before_level)
    undo.callback(setattr, logger, "handlers", before)
    logger.handlers = handlers
    logger.setLevel(level)


def _catch_uncaught(undo: ExitStack) -> None:
    """Log what ends a thread; Python would print it past the logs."""
    before = threading.excepthook
    undo.callback(setattr, threading, "excepthook", before)

    def log(hook: threading.ExceptHookArgs) -> None:
        if hook.exc_type is SystemExit or hook.exc_value is None:
            return
        structlog.get_logger().error(
            UNCAUGHT,
            thread=hook.thread.name if hook.thread else None,
            exc_info=(hook.exc_type, hook.exc_value, hook.exc_traceback),
        )

    threading.excepthook = log


def _handler(log_format: str, stream: TextIO) -> logging.Handler:
    """Return the handler that renders: ours come prepared, the libraries' are prepared here."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_shared()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_json() if log_format == "json" else _console(stream)),
            ],
        )
    )
    return handler


def _shared() -> list[Processor]:
    """What every event goes through, whoever logged it, in the thread that logged it."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.StackInfoRenderer(),
        _traceback_last,
    ]


def _console(stream: TextIO) -> list[Processor]:
    colors = stream.isatty() and not os.environ.get("NO_COLOR")
    return [
        structlog.processors.TimeStamper(fmt="%H:%M:%S.%f", utc=False),
        _context_first,
        _plain_values,
        structlog.dev.ConsoleRenderer(
            colors=colors,
            sort_keys=False,
            exception_formatter=_TRACEBACK if colors else structlog.dev.plain_traceback,
        ),
    ]


def _json() -> list[Processor]:
    return [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _context_first,
        structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
    ]


def _context_first(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put who and about what before everything else that an event says."""
    return {name: event[name] for name in FIRST if name in event} | dict(event)


def _plain_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Show a date, a path, an amount as its text, not as Python would construct it."""
    kept = {"exc_info", "exception"}
    return {
        name: value if name in kept or isinstance(value, PRINTED_AS_THEY_ARE) else str(value)
        for name, value in event.items()
    }


def _traceback_last(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Have a traceback that comes as text rendered as one: at the end, line by line."""
    if isinstance(text := event.get("traceback"), str) and "exc_info" not in event:
        del event["traceback"]
        event["exception"] = text.rstrip()
    return event
