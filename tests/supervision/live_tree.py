"""A real tree of supervisors that is driven from outside, one step at a time, without guesses.

A step is over when every supervisor, from the root down, has answered after whatever the step put
into its mailbox, and has no child between two restarts. Time stands still but for the waits that
the model foretells.
"""

from __future__ import annotations

from typing import Any

from supervision import (
    BRUTAL_KILL,
    OWN_THREAD,
    POOLED,
    SHUTDOWN,
    ActorDead,
    ChildInfo,
    ChildSpec,
    ChildState,
    Dispatcher,
    DynamicSupervisor,
    ManualClock,
    Ref,
    Registry,
    Supervisor,
    SupervisorFlags,
    child_spec,
    telemetry,
    which_children,
)
from supervision.supervisor_base import SupervisorBase
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from supervision.testing_children import DECLINE, Run, Script, spin
from tests.supervision.tree_model import GRACE, Branch, Hang, Impatience, Path, Started, Worker

__all__ = ["LiveTree"]

Snapshot = tuple[Any, ...]


class PathScript(Script):
    """The script of the worker at one place of the tree; remembers each of its actors."""

    def __init__(self, path: Path, journal: list[Any], refs: list[Ref]) -> None:
        super().__init__(path, journal)
        self.refs = refs

    def note_started(self, ref: Ref) -> None:
        self.refs.append(ref)
        super().note_started(ref)


class LiveTree:
    """The tree itself, what it notes down, and the ways to do something to it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.names = Registry("names")
        self.journal: list[Any] = []
        self.gave_up: list[tuple[Path, str]] = []
        self.refs: list[Ref] = []
        self.scripts: dict[Path, PathScript] = {}
        self.gates: dict[Path, Gate] = {}
        self._detach = telemetry.attach(self._note)

    # -- specs -------------------------------------------------------------------------------------

    def script(self, path: Path) -> PathScript:
        if path not in self.scripts:
            self.scripts[path] = PathScript(path, self.journal, self.refs)
        return self.scripts[path]

    def spec(self, spec: Worker | Branch, above: Path) -> ChildSpec:
        path = (*above, spec.id)
        return self._branch(spec, path) if isinstance(spec, Branch) else self._worker(spec, path)

    def _worker(self, spec: Worker, path: Path) -> ChildSpec:
        dispatcher: Dispatcher = POOLED if spec.pooled else OWN_THREAD
        return self.script(path).spec(
            id=spec.id,
            restart=spec.restart,
            shutdown=BRUTAL_KILL if spec.shutdown is None else spec.shutdown,
            significant=spec.significant,
            name=self.names.name(path),
            dispatcher=dispatcher,
        )

    def _branch(self, spec: Branch, path: Path) -> ChildSpec:
        kind, args = self.supervisor(spec, path)
        return child_spec(
            kind,
            *args,
            id=spec.id,
            restart=spec.restart,
            significant=spec.significant,
            name=self.names.name(path),
            clock=self.clock,
            kill_grace=GRACE,
        )

    def supervisor(self, spec: Branch, path: Path) -> tuple[type[Any], list[Any]]:
        flags = SupervisorFlags(
            spec.strategy, spec.max_restarts, spec.max_seconds, spec.auto_shutdown
        )
        if spec.dynamic:
            return DynamicSupervisor, [flags]
        return Supervisor, [[self.spec(child, path) for child in spec.children], flags]

    # -- steps -------------------------------------------------------------------------------------

    def start(self, spec: Branch) -> Ref:
        path = (spec.id,)
        kind, args = self.supervisor(spec, path)
        root: Ref = kind.start(*args, clock=self.clock, kill_grace=GRACE)
        self.names.register(path, root)
        return root

    def ref(self, path: Path) -> Ref:
        ref = self.names.whereis(path)
        assert ref is not None, path
        return ref

    def plan(self, path: Path, outcomes: list[Started]) -> None:
        does = {Started.WELL: None, Started.BADLY: RuntimeError("no luck"), Started.NOT: DECLINE}
        self.script(path).next_starts(*(does[outcome] for outcome in outcomes))

    def hang(self, path: Path, hang: Hang) -> None:
        gate = Gate()
        if hang is Hang.SPINS:
            gate.open()
            self.ref(path).tell(Run(lambda: (gate.pass_through(), spin())))
        else:
            self.gates[path] = gate
            self.ref(path).tell(Run(gate.pass_through))
        gate.wait_arrived()

    def come_back(self, path: Path) -> None:
        """Open the gate that a stuck worker waits at, and wait until it has gone on."""
        self._open(path)
        assert self.ref(path).ask("there?", timeout=HANG) == "there?"

    def pass_time(self, wait: Impatience, ref: Ref) -> None:
        """Turn the clock as far as it takes to be rid of a worker that is deaf."""
        if wait.asked is not None:
            wait_until(lambda: ref.mailbox_length() > 0, what="the request to stop")
            self.clock.advance(wait.asked)
        wait_until(lambda: ref.kill_requested, what="the kill")
        if wait.hang is Hang.STUCK:
            self.clock.advance(GRACE)
            wait_for_exit(ref)
            self._open(wait.path)

    def shut_down(self, path: Path) -> None:
        self.ref(path).shutdown(SHUTDOWN)

    def close(self, root: Ref) -> None:
        for path in list(self.gates):
            self._open(path)
        root.kill()
        wait_for_exit(root)
        for ref in self.refs:
            wait_for_exit(ref)
        self._detach()

    def _open(self, path: Path) -> None:
        gate = self.gates.pop(path, None)
        if gate is not None:
            gate.open()

    # -- what it looks like ------------------------------------------------------------------------

    def settled(self, root: Ref) -> Snapshot | None:
        """Wait until all has been seen to; return the children, level by level, or `None`."""
        try:
            return self._look(root)
        except ActorDead:
            wait_for_exit(root)
            return None

    def _look(self, ref: Ref) -> Snapshot:
        while True:
            infos = which_children(ref, timeout=HANG)
            busy = {ChildState.RESTARTING, ChildState.STARTING}
            if any(info.state in busy for info in infos):
                continue
            try:
                return tuple(self._row(info) for info in infos)
            except BranchEnded:
                continue  # its supervisor has been told: ask again

    def _row(self, info: ChildInfo) -> Snapshot:
        below: Snapshot | None = None
        if info.ref is not None and issubclass(info.ref.actor_class, SupervisorBase):
            try:
                below = self._look(info.ref)
            except ActorDead:
                raise BranchEnded from None
        if info.ref is not None and info.ref.actor_class is DynamicSupervisor:
            below = tuple(sorted(below or (), key=lambda row: str(row[0])))
        return (info.id, info.ref is not None, info.restarts, below)

    def _note(self, event: str, fields: Any) -> None:
        if event == telemetry.SUPERVISOR_GAVE_UP:
            mine = [path for path, ref in self._named() if ref is fields["supervisor"]]
            self.gave_up.extend((path, fields["child_id"]) for path in mine)

    def _named(self) -> list[tuple[Path, Ref]]:
        found = self.names.select(lambda _key, _entry: True)
        return [(key, entry.ref) for key, entry in found]  # type: ignore[misc]

    def registered(self) -> dict[Path, Ref]:
        return dict(self._named())


class BranchEnded(Exception):
    """A supervisor has ended since its own was asked."""
