"""Children that do what a test tells them: gated, faulty, slow, or declining, at every start.

A `Script` belongs to the test and outlives the actors that play it, so that it can say what each
restart does, and knows what each has done. After the purpose-built children of OTP's supervisor
suite.

Example:
    >>> from supervision import Supervisor
    >>> script = Script("a")
    >>> script.next_starts(None, RuntimeError("no luck"), None)  # the first restart fails
    >>> root = Supervisor.start([script.spec()])
    >>> first = script.wait_started()
    >>> first.tell(Fail(ValueError("oops")))
    >>> script.wait_started() is first  # the third start, by the second attempt
    False
    >>> root.stop()
    True
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from supervision.actor import Actor
from supervision.administration import which_children
from supervision.children import ChildInfo
from supervision.errors import Ignore
from supervision.reasons import NORMAL, ExitReason
from supervision.ref import Ref
from supervision.registry import Name
from supervision.specs import ChildSpec, child_spec
from supervision.testing import HANG, Gate

__all__ = ["DECLINE", "Exit", "Fail", "Run", "Script", "Scripted", "children_of", "spin"]

DECLINE: Any = object()
"""An outcome for `Script.next_starts`: the constructor raises `Ignore`."""


@dataclass(frozen=True, slots=True)
class Exit:
    """End with this reason."""

    reason: ExitReason = NORMAL


@dataclass(frozen=True, slots=True)
class Fail:
    """Raise this."""

    exception: BaseException


@dataclass(frozen=True, slots=True)
class Run:
    """Call this in the actor's thread; a `Gate.pass_through` makes it busy, and deaf to a stop."""

    function: Callable[[], object]


def spin() -> None:
    """Never return, but stay in Python, where a kill is noticed."""
    while True:
        pass


def children_of(supervisor: Ref | Name) -> dict[Hashable, ChildInfo]:
    """Return what `which_children` says, by id."""
    return {child.id: child for child in which_children(supervisor, timeout=HANG)}


class Script:
    """What a child does at each of its starts and stops, and what it has done.

    Args:
        name: the child's id.
        journal: where `("start", name)` and `("stop", name)` go; several scripts may share one.
    """

    def __init__(self, name: Hashable = "child", journal: list[Any] | None = None) -> None:
        self.name = name
        self.journal: list[Any] = [] if journal is None else journal
        self.always: Any = None
        self.at_stop: Callable[[], object] | None = None
        self._outcomes: deque[Any] = deque()
        self._started: queue.SimpleQueue[Ref] = queue.SimpleQueue()
        self.attempts = 0

    def next_starts(self, *outcomes: Any) -> None:
        """Say what the next starts do, one after the other; then what `always` says.

        `None` succeeds; an exception is raised, in `on_start`; an exception class, too, but in the
        constructor; a `Gate` is waited at in `on_start`; `DECLINE` declines.
        """
        self._outcomes.extend(outcomes)

    def take_outcome(self) -> Any:
        """Return what the start that is going on does; called by the child."""
        self.attempts += 1
        return self._outcomes.popleft() if self._outcomes else self.always

    def note_started(self, ref: Ref) -> None:
        """Remember a start that succeeded; called by the child."""
        self.journal.append(("start", self.name))
        self._started.put(ref)

    def wait_started(self) -> Ref:
        """Wait for the next start that succeeds and return the actor."""
        return self._started.get(timeout=HANG)

    def spec(self, **options: Any) -> ChildSpec:
        """Return the spec of a child that plays this script."""
        options.setdefault("id", self.name)
        return child_spec(Scripted, self, **options)


class Scripted(Actor):
    """Plays a `Script`. Answers any message with itself but for `Exit`, `Fail` and `Run`."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = script
        self._outcome = script.take_outcome()
        if self._outcome is DECLINE:
            raise Ignore
        if isinstance(self._outcome, type) and issubclass(self._outcome, BaseException):
            raise self._outcome

    def on_start(self) -> None:
        """Do what the script says; own thread."""
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        if isinstance(self._outcome, Gate):
            self._outcome.pass_through()
        self.script.note_started(self.actor_ref)

    def on_receive(self, message: Any) -> Any:
        """Do what the message says."""
        match message:
            case Exit(reason):
                self.exit(reason)
            case Fail(exception):
                raise exception
            case Run(function):
                return function()
        return message

    def on_stop(self) -> None:
        """Do what the script says; own thread."""
        self.script.journal.append(("stop", self.script.name))
        if self.script.at_stop is not None:
            self.script.at_stop()
