"""Random trees do, step by step, what the model says: who runs, in which order, who gives up.

`SLOW_PROPERTIES=1` drives thousands of them; it takes minutes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from supervision import (
    ALL_SIGNIFICANT,
    ANY_SIGNIFICANT,
    NEVER,
    NORMAL,
    ONE_FOR_ALL,
    ONE_FOR_ONE,
    PERMANENT,
    REST_FOR_ONE,
    SHUTDOWN,
    TEMPORARY,
    TRANSIENT,
    Counts,
    Ref,
    StartFailed,
    SupervisionError,
    count_children,
)
from supervision.administration import DeleteChild, RestartChild, StartChild, TerminateChild
from supervision.errors import AlreadyPresent, AlreadyStarted, ChildRunning
from supervision.testing import HANG, wait_for_exit
from supervision.testing_children import Exit, Fail
from tests.supervision.live_tree import LiveTree
from tests.supervision.tree_model import (
    Branch,
    Hang,
    Node,
    Path,
    Started,
    TreeModel,
    Worker,
)

THOROUGH = os.environ.get("SLOW_PROPERTIES")
EXAMPLES = int(THOROUGH) if THOROUGH and int(THOROUGH) > 1 else 5000 if THOROUGH else 80

RESTARTS = st.sampled_from([PERMANENT, TRANSIENT, PERMANENT, TEMPORARY])
STRATEGIES = st.sampled_from([ONE_FOR_ONE, ONE_FOR_ALL, REST_FOR_ONE])


@st.composite
def workers(draw: Any, child_id: str, *, significant: bool) -> Worker:
    restart = draw(RESTARTS)
    return Worker(
        id=child_id,
        restart=restart,
        shutdown=draw(st.sampled_from([2.0, 8.0, None])),
        significant=significant and restart is not PERMANENT and draw(st.booleans()),
        pooled=draw(st.booleans()),
    )


@st.composite
def branches(draw: Any, child_id: str, *, depth: int, significant: bool = False) -> Branch:
    restart = draw(RESTARTS)
    mode = draw(st.sampled_from([NEVER, ALL_SIGNIFICANT, ANY_SIGNIFICANT]))
    dynamic = depth < 3 and draw(st.integers(0, 2)) == 0
    may = mode is not NEVER
    children: list[Worker | Branch] = []
    for number in range(0 if dynamic else draw(st.integers(2 if depth == 3 else 0, 4))):
        if depth > 1 and draw(st.booleans()):
            branch = branches(f"branch{number}", depth=depth - 1, significant=may)
            children.append(draw(branch))
        else:
            children.append(draw(workers(f"worker{number}", significant=may)))
    return Branch(
        id=child_id,
        restart=restart,
        strategy=ONE_FOR_ONE if dynamic else draw(STRATEGIES),
        max_restarts=draw(st.sampled_from([2, 1, 3, 0, 5])) + 6 * (depth == 3),
        max_seconds=4.0,
        auto_shutdown=mode,
        significant=significant and restart is not PERMANENT and draw(st.booleans()),
        dynamic=dynamic,
        children=tuple(children),
    )


STEPS = {
    "crash": 8,
    "exit": 3,
    "kill": 2,
    "hang": 3,
    "come_back": 1,
    "plan": 1,
    "terminate": 3,
    "restart": 3,
    "delete": 1,
    "start": 5,
    "shut_down": 1,
    "advance": 3,
}
steps = st.lists(
    st.tuples(
        st.sampled_from([name for name, weight in STEPS.items() for _ in range(weight)]),
        st.integers(0, 60),
        st.integers(0, 60),
    ),
    min_size=20,
    max_size=40,
)


W, B, N = Started.WELL, Started.BADLY, Started.NOT
NEXT_STARTS: list[list[Started]] = [[], [], [], [], [B], [B, B], [N], [W, B], [B, N]]


class Both:
    """The tree and its model, side by side."""

    def __init__(self, spec: Branch, first: list[Started]) -> None:
        self.spec = spec
        self.model = TreeModel(spec)
        self.live = LiveTree()
        self.numbers = iter(range(1000))
        self.root: Ref
        self._plan_first_starts(first)

    def _plan_first_starts(self, outcomes: list[Started]) -> None:
        for path, outcome in zip(worker_paths(self.spec, ()), outcomes, strict=False):
            self.plan(path, [outcome])

    def plan(self, path: Path, outcomes: list[Started]) -> None:
        self.model.plan(path, outcomes)
        self.live.plan(path, outcomes)

    # -- steps -------------------------------------------------------------------------------------

    def start(self) -> bool:
        expected = self.model.start()
        try:
            self.root = self.live.start(self.spec)
        except StartFailed:
            assert expected is Started.BADLY
            self._journals_agree()
            return False
        assert expected is Started.WELL
        self.compare()
        return True

    def do(self, step: str, first: int, second: int) -> None:
        getattr(self, f"_{step}")(first, second)
        self.compare()

    def _crash(self, first: int, second: int) -> None:
        """Sometimes its restart fails, too, or is declined."""
        node = pick(self._listening(), first)
        if node is not None:
            self.plan(node.path, NEXT_STARTS[second % len(NEXT_STARTS)])
            self._ends(node, self.model.crash, lambda ref: ref.tell(Fail(RuntimeError("oops"))))

    def _exit(self, first: int, second: int) -> None:
        node = pick(self._listening(), first)
        if node is not None:
            reason = (NORMAL, SHUTDOWN)[second % 2]
            self._ends(node, self.model.exit, lambda ref: ref.tell(Exit(reason)))

    def _kill(self, first: int, _: int) -> None:
        node = pick([one for one in self._running() if may_be_killed(one)], first)
        if node is not None:
            self._ends(node, self.model.kill, lambda ref: ref.kill())

    def _shut_down(self, first: int, second: int) -> None:
        node = pick([one for one in self._running() if one.branch], first)
        if node is not None and (node.parent is not None or second % 4 == 0):
            self._ends(node, self.model.shut_down, lambda ref: ref.shutdown())

    def _hang(self, first: int, second: int) -> None:
        """At most one spins, at most two are stuck, and one under a dynamic supervisor."""
        hanging = [node for node in self._running() if node.hang]
        node = pick([one for one in self._listening() if not in_dynamic_with_hanging(one)], first)
        hang = Hang.SPINS if second % 3 == 0 else Hang.STUCK
        limit = 1 if hang is Hang.SPINS else 2
        if node is not None and sum(one.hang is hang for one in hanging) < limit:
            node.hang = hang
            self.live.hang(node.path, hang)

    def _come_back(self, first: int, _: int) -> None:
        node = pick([one for one in self._running() if one.hang is Hang.STUCK], first)
        if node is not None:
            node.hang = None
            self.live.come_back(node.path)

    def _plan(self, first: int, second: int) -> None:
        nodes = [one for one in self._all() if not one.branch]
        node = pick(nodes, first)
        if node is not None:
            kinds = (Started.BADLY, Started.NOT, Started.WELL)
            self.plan(node.path, [kinds[second % 2], kinds[second // 2 % 3]][: 1 + second % 5 // 3])

    def _advance(self, first: int, _: int) -> None:
        seconds = (1.0, 2.0, 4.0, 4.5)[first % 4]
        self.model.now += seconds
        self.live.clock.advance(seconds)

    def _terminate(self, first: int, _: int) -> None:
        child = pick(self._children(), first)
        if child is None or child.parent is None:
            return
        dynamic = child.parent.dynamic
        named = self.live.ref(child.path) if dynamic else child.spec.id
        before = self.live.registered()
        future = self._ask(child.parent, TerminateChild(named))
        self.model.terminate_child(child)
        self._be_patient(before)
        assert future.get(timeout=HANG) is None

    def _restart(self, first: int, second: int) -> None:
        stopped = [one for one in self._static_children() if not one.running]
        child = pick(stopped if second % 4 else self._static_children(), first)
        if child is None or child.parent is None:
            return
        answer = self._answer(child.parent, RestartChild(child.spec.id))
        if child.running:
            assert isinstance(answer, ChildRunning)
        else:
            self._is_start(answer, self.model.restart_child(child))

    def _delete(self, first: int, second: int) -> None:
        stopped = [one for one in self._static_children() if not one.running]
        child = pick(stopped if second % 4 else self._static_children(), first)
        if child is None or child.parent is None:
            return
        answer = self._answer(child.parent, DeleteChild(child.spec.id))
        if child.running:
            assert isinstance(answer, ChildRunning)
        else:
            assert answer is None
            child.parent.forget(child)

    def _start(self, first: int, second: int) -> None:
        running = [one for one in self._running() if one.branch]
        dynamic = [one for one in running if one.dynamic]
        branch = pick(dynamic if dynamic and second % 4 else running, first)
        if branch is None:
            return
        known = pick(branch.children, second // 7) if second % 5 == 0 else None
        child_id = known.spec.id if known else f"new{next(self.numbers)}"
        spec = Worker(
            child_id,
            (PERMANENT, TRANSIENT, TEMPORARY)[second % 3],
            (2.0, None, 8.0)[second // 3 % 3],
            pooled=second % 2 == 0,
        )
        if second % 6 == 1 and not known:
            self.plan((*branch.path, child_id), [(Started.BADLY, Started.NOT)[second // 6 % 2]])
        if known and not branch.dynamic:
            answer = self._answer(branch, StartChild(self.live.spec(spec, branch.path)))
            assert isinstance(answer, AlreadyStarted if known.running else AlreadyPresent)
        elif not known:
            answer = self._answer(branch, StartChild(self.live.spec(spec, branch.path)))
            self._is_start(answer, self.model.start_child(branch, spec))

    # -- ways to do it -----------------------------------------------------------------------------

    def _ends(self, node: Node, in_model: Callable[[Node], None], do: Callable[[Ref], Any]) -> None:
        before = self.live.registered()
        do(before[node.path])
        in_model(node)
        self._be_patient(before)
        wait_for_exit(before[node.path])

    def _be_patient(self, before: dict[Path, Ref]) -> None:
        """Turn the clock for each worker that is deaf; `before` has them, they may be gone now."""
        waits, self.model.waits = self.model.waits, []
        for wait in waits:
            self.live.pass_time(wait, before[wait.path])

    def _ask(self, node: Node, message: object) -> Any:
        ref = self.root if node.parent is None else self.live.ref(node.path)
        return ref.ask(message, block=False)

    def _answer(self, node: Node, message: object) -> Any:
        try:
            return self._ask(node, message).get(timeout=HANG)
        except TimeoutError:
            raise
        except SupervisionError as refusal:
            return refusal

    @staticmethod
    def _is_start(answer: Any, started: Started) -> None:
        kinds = {Started.WELL: Ref, Started.BADLY: StartFailed, Started.NOT: type(None)}
        assert isinstance(answer, kinds[started]), (answer, started)

    def _running(self) -> list[Node]:
        return self.model.root.alive()

    def _listening(self) -> list[Node]:
        return [one for one in self._running() if not one.branch and not one.hang]

    def _all(self) -> list[Node]:
        return [self.model.root, *self._children()]

    def _children(self) -> list[Node]:
        return [child for one in self._running() for child in one.children]

    def _static_children(self) -> list[Node]:
        return [one for one in self._children() if one.parent and not one.parent.dynamic]

    # -- comparing ---------------------------------------------------------------------------------

    def compare(self) -> None:
        snapshot = self.live.settled(self.root)
        assert snapshot == (picture(self.model.root) if self.model.root.running else None)
        self._journals_agree()
        assert self.live.gave_up == self.model.gave_up
        alive = {node.path for node in self._running()}
        registered = self.live.registered()
        assert set(registered) == alive
        assert all(ref.is_alive() for ref in registered.values())
        ended = [ref for ref in self.live.refs if ref not in registered.values()]
        assert [ref for ref in ended if ref.is_alive()] == []
        self._counts_agree()

    def _journals_agree(self) -> None:
        taken, position = list(self.live.journal), 0
        for expected in self.model.journal:
            several = isinstance(expected, frozenset)
            size = len(expected) if several else 1
            part = taken[position : position + size]
            assert (frozenset(part) if several else part[0] if part else None) == expected, taken
            position += size
        assert taken[position:] == []
        del self.live.journal[:]
        self.model.journal.clear()
        for path, script in self.live.scripts.items():
            assert script.attempts == self.model.attempts[path]

    def _counts_agree(self) -> None:
        for node in self._running():
            if node.branch is None:
                continue
            supervisors = sum(child.branch is not None for child in node.children)
            counts = Counts(
                specs=len(node.children),
                active=sum(child.running for child in node.children),
                supervisors=supervisors,
                workers=len(node.children) - supervisors,
            )
            assert count_children(self.live.ref(node.path), timeout=HANG) == counts

    def end(self) -> None:
        self.live.close(self.root)


def pick(nodes: list[Node], number: int) -> Node | None:
    return nodes[number % len(nodes)] if nodes else None


def picture(node: Node) -> tuple[Any, ...]:
    rows = [
        (
            child.spec.id,
            child.running,
            child.restarts,
            picture(child) if child.branch and child.running else None,
        )
        for child in node.children
    ]
    return tuple(sorted(rows, key=lambda row: str(row[0])) if node.dynamic else rows)


def may_be_killed(node: Node) -> bool:
    """Whether the model can tell how long it takes: one that is stuck below blurs that."""
    if node.branch is None:
        return node.hang is not Hang.STUCK
    stuck = [one for one in node.alive() if one.hang is Hang.STUCK]
    return not stuck or (len(stuck) == 1 and stuck[0].parent is node)


def in_dynamic_with_hanging(node: Node) -> bool:
    parent = node.parent
    return parent is not None and parent.dynamic and any(one.hang for one in parent.children)


def worker_paths(branch: Branch, above: Path) -> list[Path]:
    path = (*above, branch.id)
    found: list[Path] = []
    for child in branch.children:
        inside = worker_paths(child, path) if isinstance(child, Branch) else [(*path, child.id)]
        found.extend(inside)
    return found


FIRST = st.lists(
    st.sampled_from([Started.WELL] * 12 + [Started.NOT] * 2 + [Started.BADLY]), max_size=6
)


@given(spec=branches("root", depth=3), first=FIRST, steps=steps)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not THOROUGH,
)
def test_a_tree_does_what_the_model_says(
    spec: Branch, first: list[Started], steps: list[tuple[str, int, int]]
) -> None:
    both = Both(spec, first)
    if not both.start():
        event("the root did not start")
        return
    try:
        for step in steps:
            both.do(*step)
            if not both.model.root.running:
                event("the root ended")
                break
    finally:
        both.end()
