"""A kill at a chosen place in an actor's thread: the places that a race finds once in a year.

CPython raises an asynchronous exception between two instructions: at the start of a function, at a
jump back, and after a call. `KillPoint` counts those places in one thread, by tracing it, and at
the chosen one has another thread kill the actor.
"""

from __future__ import annotations

import dis
import queue
import sys
import threading
from contextlib import suppress
from types import CodeType, FrameType
from typing import Any

from supervision import Ref

PLACES = {"RESUME", "JUMP_BACKWARD", "CALL", "CALL_FUNCTION_EX", "CALL_KW", "BEFORE_WITH"}

LOCKED = 0.05
"""Seconds to wait for a kill that waits for a lock which the traced thread holds just now."""

_before: dict[CodeType, dict[int, bool]] = {}


class KillPoint:
    """Kills `ref` when its thread comes to place number `at`; `passed` counts the places."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.passed = 0
        self.where = ""
        self._go: queue.SimpleQueue[Ref | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._killer = threading.Thread(target=self._kill, daemon=True)

    def follow(self, ref: Ref) -> None:
        """Trace the calling thread, which runs `ref`, from the next function on."""
        self._ref = ref
        sys.settrace(self._trace)

    def __enter__(self) -> KillPoint:
        self._killer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._go.put(None)
        self._killer.join()

    def _kill(self) -> None:
        while (ref := self._go.get()) is not None:
            ref.kill()
            self._done.put(None)

    def _trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        del arg
        frame.f_trace_opcodes = True
        if event == "opcode" and may_interrupt(frame.f_code, frame.f_lasti):
            self.passed += 1
            if self.passed == self.at:
                sys.settrace(None)
                self.where = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
                self._go.put(self._ref)
                with suppress(queue.Empty):  # the exception, if it is raised, is raised here
                    self._done.get(timeout=LOCKED)
        return self._trace


def may_interrupt(code: CodeType, offset: int) -> bool:
    """Return whether an exception can be raised just before the instruction at `offset`."""
    if code not in _before:
        instructions = list(dis.get_instructions(code))
        names = ["", *(one.opname for one in instructions)]
        _before[code] = {
            one.offset: name in PLACES for one, name in zip(instructions, names, strict=False)
        }
    return _before[code].get(offset, False)
