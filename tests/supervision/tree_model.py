"""What a tree of supervisors must do, as OTP's documentation has it: one pure simulation.

Source: `supervisor <https://www.erlang.org/doc/apps/stdlib/supervisor>`_, its sections on restart
strategy, intensity, automatic shutdown and the functions, and `Elixir's DynamicSupervisor
<https://hexdocs.pm/elixir/DynamicSupervisor.html>`_. It knows no threads and no messages: what is
done to the tree is a call, and what becomes of it is worked out before the call returns.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from supervision.terms import (
    ALL_SIGNIFICANT,
    ANY_SIGNIFICANT,
    ONE_FOR_ALL,
    ONE_FOR_ONE,
    PERMANENT,
    TEMPORARY,
    TRANSIENT,
    AutoShutdown,
    Restart,
    Strategy,
)

__all__ = ["Branch", "Hang", "Impatience", "Node", "Started", "TreeModel", "Worker"]

GRACE = 1.0
"""Seconds between the kill of a worker and its abandonment."""

Path: TypeAlias = tuple[str, ...]
Event: TypeAlias = tuple[str, Path]


class Started(Enum):
    """What a start does."""

    WELL = "runs"
    BADLY = "fails"
    NOT = "declines"


class Hang(Enum):
    """How a worker is deaf: to a request to stop, or to a kill as well."""

    SPINS = "spins in Python"
    STUCK = "is stuck in C"


@dataclass(frozen=True, slots=True)
class Worker:
    """The spec of a child without children. `shutdown` is in seconds, `None` is brutal."""

    id: str
    restart: Restart
    shutdown: float | None
    significant: bool = False
    pooled: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """The spec of a supervisor; of a dynamic one, which begins without children."""

    id: str
    restart: Restart
    strategy: Strategy
    max_restarts: int
    max_seconds: float
    auto_shutdown: AutoShutdown
    significant: bool = False
    dynamic: bool = False
    children: tuple[Worker | Branch, ...] = ()


@dataclass(frozen=True, slots=True)
class Impatience:
    """A stop that only time brings forward: of this worker, after it was asked, then killed."""

    path: Path
    asked: float | None
    hang: Hang


class Node:
    """A child as its supervisor knows it, and if it is a branch, the children that it has."""

    def __init__(self, spec: Worker | Branch, parent: Node | None) -> None:
        self.spec = spec
        self.parent = parent
        self.path: Path = (*(parent.path if parent else ()), spec.id)
        self.running = False
        self.restarts = 0
        self.hang: Hang | None = None
        self.children: list[Node] = []
        self.times: list[float] = []

    @property
    def branch(self) -> Branch | None:
        return self.spec if isinstance(self.spec, Branch) else None

    @property
    def dynamic(self) -> bool:
        return self.branch is not None and self.branch.dynamic

    def find(self, child_id: str) -> Node | None:
        return next((child for child in self.children if child.spec.id == child_id), None)

    def alive(self) -> list[Node]:
        """Return itself and what runs below it."""
        if not self.running:
            return []
        return [self, *(node for child in self.children for node in child.alive())]

    def forget(self, child: Node) -> None:
        self.children.remove(child)


class TreeModel:
    """The tree as it must be, and since the last `take`: what happened, in which order."""

    def __init__(self, root: Branch) -> None:
        self.root = Node(root, None)
        self.now = 0.0
        self.plans: dict[Path, deque[Started]] = {}
        self.attempts: Counter[Path] = Counter()
        self.journal: list[Event | frozenset[Event]] = []
        self.gave_up: list[tuple[Path, str]] = []
        self.waits: list[Impatience] = []

    # -- what is done to it ------------------------------------------------------------------------

    def plan(self, path: Path, outcomes: list[Started]) -> None:
        """The next starts of the worker at `path` do this; then they succeed again."""
        self.plans.setdefault(path, deque()).extend(outcomes)

    def start(self) -> Started:
        return self._start(self.root)

    def crash(self, node: Node) -> None:
        self._ended(node, abnormal=True)

    def exit(self, node: Node) -> None:
        """It ends by itself, with the reason normal or shutdown."""
        self.journal.append(("stop", node.path))
        self._ended(node, abnormal=False)

    def shut_down(self, node: Node) -> None:
        """Somebody who is not its supervisor asks a branch to end."""
        self._stop_children(node)
        self._ended(node, abnormal=False)

    def kill(self, node: Node) -> None:
        """Somebody kills it; a supervisor's children do not outlive it, and are killed, too."""
        for child in reversed(node.children):
            if child.running and child.hang is Hang.STUCK:
                self._lose_patience(child, None)
        node.children = []
        self._ended(node, abnormal=True)

    def start_child(self, node: Node, spec: Worker) -> Started:
        child = Node(spec, node)
        node.children.append(child)
        started = self._start(child)
        keeps_declined = not node.dynamic and spec.restart is not TEMPORARY
        if started is Started.BADLY or (started is Started.NOT and not keeps_declined):
            node.forget(child)
        return started

    def terminate_child(self, child: Node) -> None:
        assert child.parent is not None
        self._stop(child)
        if child.spec.restart is TEMPORARY or child.parent.dynamic:
            child.parent.forget(child)

    def restart_child(self, child: Node) -> Started:
        return self._start(child)

    # -- starts and stops --------------------------------------------------------------------------

    def _start(self, node: Node) -> Started:
        started = self._start_worker(node) if node.branch is None else self._start_branch(node)
        node.running = started is Started.WELL
        node.hang = None
        return started

    def _start_worker(self, node: Node) -> Started:
        self.attempts[node.path] += 1
        plan = self.plans.get(node.path)
        started = plan.popleft() if plan else Started.WELL
        if started is Started.WELL:
            self.journal.append(("start", node.path))
        return started

    def _start_branch(self, node: Node) -> Started:
        assert node.branch is not None
        node.children, node.times = [], []
        for spec in node.branch.children:
            child = Node(spec, node)
            node.children.append(child)
            started = self._start(child)
            if started is Started.BADLY:
                self._stop_children(node)
                return Started.BADLY
            if started is Started.NOT and spec.restart is TEMPORARY:
                node.forget(child)
        return Started.WELL

    def _stop(self, node: Node) -> None:
        if not node.running:
            return
        if isinstance(node.spec, Branch):
            self._stop_children(node)
        elif node.hang is not None:
            self._lose_patience(node, node.spec.shutdown)
        elif node.spec.shutdown is not None:
            self.journal.append(("stop", node.path))
        node.running = False

    def _stop_children(self, node: Node) -> None:
        """In reverse; a dynamic supervisor's all at once."""
        before = len(self.journal)
        for child in reversed(node.children):
            self._stop(child)
        if node.dynamic:
            at_once = frozenset(self.journal[before:])
            self.journal[before:] = [at_once] if at_once else []  # type: ignore[list-item]
        node.children = []

    def _lose_patience(self, node: Node, asked: float | None) -> None:
        assert node.hang is not None
        self.waits.append(Impatience(node.path, asked, node.hang))
        self.now += (asked or 0.0) + (GRACE if node.hang is Hang.STUCK else 0.0)

    # -- ends --------------------------------------------------------------------------------------

    def _ended(self, node: Node, *, abnormal: bool) -> None:
        node.running = False
        supervisor = node.parent
        if supervisor is None:
            return
        restart = node.spec.restart
        if restart is PERMANENT or (restart is TRANSIENT and abnormal):
            self._restart(supervisor, node)
            return
        if restart is TEMPORARY or supervisor.dynamic:
            supervisor.forget(node)
        if self._shuts_down(supervisor, node):
            self._end(supervisor)

    def _shuts_down(self, supervisor: Node, ended: Node) -> bool:
        assert supervisor.branch is not None
        mode = supervisor.branch.auto_shutdown
        others = any(child.spec.significant and child.running for child in supervisor.children)
        return ended.spec.significant and (
            mode is ANY_SIGNIFICANT or (mode is ALL_SIGNIFICANT and not others)
        )

    def _end(self, supervisor: Node) -> None:
        """A supervisor ends by itself, with the reason shutdown."""
        self._stop_children(supervisor)
        self._ended(supervisor, abnormal=False)

    def _restart(self, supervisor: Node, failed: Node) -> None:
        again: Node | None = failed
        while again is not None:
            if not self._may_restart(supervisor):
                self.gave_up.append((supervisor.path, again.spec.id))
                self._end(supervisor)
                return
            again.restarts += 1
            again = self._restart_group(supervisor, again)

    def _may_restart(self, supervisor: Node) -> bool:
        flags = supervisor.branch
        assert flags is not None
        supervisor.times.append(self.now)
        recent = [at for at in supervisor.times if self.now - at <= flags.max_seconds]
        return len(recent) <= flags.max_restarts

    def _restart_group(self, supervisor: Node, failed: Node) -> Node | None:
        """Return the child whose start failed, if one did: it is restarted next."""
        group = self._group(supervisor, failed)
        for child in reversed(group):
            if child is not failed:
                self._stop(child)
                if child.spec.restart is TEMPORARY:
                    supervisor.forget(child)
        for child in group:
            if child not in supervisor.children:
                continue
            started = self._start(child)
            if started is Started.BADLY:
                return child
            if started is Started.NOT and supervisor.dynamic:
                supervisor.forget(child)
        return None

    @staticmethod
    def _group(supervisor: Node, failed: Node) -> list[Node]:
        assert supervisor.branch is not None
        if supervisor.dynamic or supervisor.branch.strategy is ONE_FOR_ONE:
            return [failed]
        if supervisor.branch.strategy is ONE_FOR_ALL:
            return list(supervisor.children)
        return supervisor.children[supervisor.children.index(failed) :]
