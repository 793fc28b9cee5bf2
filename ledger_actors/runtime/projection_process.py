"""The owner of the projection process, which projects for all read models of a ledger.

Python runs one thread at a time, so projecting many events takes their time from the commands. What
can be done without the actor is done in a process beside it (`projection_child`): it is started
when a projector first has much to do, and projects a batch whenever it is asked to. Everything else
stays with the projector's actor: where the process cannot, the actor does it, and deals with
whatever is wrong. So this one never crashes over the process: it starts another, a while later.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ledger_actors._version import __version__
from ledger_actors.runtime.line_process import KeptProcess, LineProcess, ProcessLost
from ledger_actors.runtime.projection_messages import (
    Answer,
    Begin,
    Failed,
    Forget,
    Project,
    decode_answer,
    encode,
)
from supervision import Actor
from supervision.backoff import Backoff
from supervision.execution import shield

__all__ = ["ProjectionProcess"]

CHILD = "ledger_actors.runtime.projection_child"
PATIENCE = 30.0
"""Seconds for a batch, after which it is taken to hang."""
PACE = Backoff(1.0, 60.0)


class ProjectionProcess(Actor):
    """Answers `Project` and `Forget` as the process does; with `None` where there is none yet.

    It keeps the process in `kept`, which is to be closed when the ledger is: an actor that was
    killed has not done it. `store` is the file of the events, `processors` are those that the
    process may run on; by default it may run where this one does.
    """

    def __init__(
        self,
        kept: KeptProcess,
        store: Path,
        *,
        processors: Sequence[int] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._kept = kept
        self._first_line = encode(Begin(str(store.absolute()), tuple(processors), __version__))
        self._monotonic = monotonic
        self._child: LineProcess | None = None
        self._ready = False
        self._failures = 0
        self._not_before = 0.0

    def on_start(self) -> None:
        """End a process that a killed predecessor has left."""
        self._kept.close()

    def on_receive(self, message: Any) -> Any:
        """Pass a question on."""
        if isinstance(message, Project | Forget):
            if isinstance(message, Project):
                self._see_to(start=message.is_worth_a_start)
            child = self._child if self._ready else None
            return None if child is None else self._pass_on(child, message)
        self.log.warning("projection_process.not_a_question", message=repr(message)[:200])
        return None

    def on_stop(self) -> None:
        """End the process."""
        self._kept.close()

    def on_failure(self, *_args: Any) -> None:
        """End the process."""
        self._kept.close()

    def inspect(self) -> Any:
        """Return whether there is a process, and which."""
        pid = None if self._child is None else self._child.pid
        return {"pid": pid, "ready": self._ready, "failures": self._failures}

    def _see_to(self, *, start: bool) -> None:
        """See whether the process is ready; begin to start one if there is none. Never waits."""
        if self._ready or self._monotonic() < self._not_before:
            return
        try:
            if self._child is not None:
                self._see_whether_ready(self._child)
            elif start:
                self._begin_to_start()
        except (ProcessLost, OSError, msgspec.DecodeError) as problem:
            self._lose(str(problem))

    def _begin_to_start(self) -> None:
        with shield():  # killed in between, there would be a process that nobody ends
            self._child = child = LineProcess(CHILD)
            self._kept.keep(child)
        child.tell(self._first_line)

    def _see_whether_ready(self, child: LineProcess) -> None:
        line = child.answer(0)
        if line is not None:
            if isinstance(answer := decode_answer(line), Failed):
                raise ProcessLost(answer.error)
            self._ready = True
            self.log.info("projection_process.started", process=child.pid)

    def _pass_on(self, child: LineProcess, question: Project | Forget) -> Answer:
        try:
            child.tell(encode(question))
            line = child.answer(PATIENCE)
            if line is None:
                raise ProcessLost(f"it has not answered in {PATIENCE:g} s")
            answer: Answer = decode_answer(line)
        except (ProcessLost, msgspec.DecodeError) as problem:
            self._lose(str(problem))
            return Failed(f"the projection process was lost: {problem}")
        if not isinstance(answer, Failed):
            self._failures = 0
        return answer

    def _lose(self, why: str) -> None:
        """End it, so that it holds no file any more; the next one is started a while later."""
        if self._child is not None:
            self._child.kill()
        self._child, self._ready = None, False
        self._kept.close()
        wait = PACE.delay(self._failures, random.random())
        self._failures += 1
        self._not_before = self._monotonic() + wait
        self.log.warning("projection_process.lost", reason=why, again_in=round(wait, 1))
