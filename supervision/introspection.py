"""A supervision tree as data and as text, while it runs.

`tree` asks each supervisor for its children, from the top down; everything else is read without
asking anybody. So what it shows is not one moment: each supervisor's answer is. A supervisor that
is busy is shown as such, not waited for.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from supervision.administration import count_children, which_children
from supervision.children import ChildState
from supervision.errors import ActorDead, CallTimeout
from supervision.executor import abandoned_threads
from supervision.ref import Ref
from supervision.registry import Name
from supervision.reports import child_text
from supervision.supervisor_base import SupervisorBase
from supervision.terms import SUPERVISOR, WORKER

if TYPE_CHECKING:
    from datetime import datetime

    from supervision.children import ChildInfo, LastCrash

__all__ = ["TreeNode", "format_tree", "tree", "waiting"]


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One child in a tree, or the root.

    Attributes:
        id: its id in its supervisor's specs; of the root its label.
        kind: its actor class, by name; empty if it has no actor at the moment.
        type: "supervisor" or "worker".
        status: "running", "starting", "restarting", "stopped", "ended", or for a supervisor that
            did not answer in time "busy".
        name: the first name it is registered under, else `None`.
        restarts: how often it has been restarted.
        mailbox: how many messages wait for it, those it holds back while it is suspended included.
        handled: how many messages it has handled.
        last_crash: the reason and the time of its last abnormal end, if there was one.
        next_restart: when it is started again, while it waits for its backoff.
        children: those of a supervisor, at most as many as were asked for.
        more: how many children there are beyond `children`.
        ref: its actor, `None` if it has none.
        suspended: whether it handles nothing but the runtime's messages at the moment.
        abandoned_threads: of the node that was asked for, not of those below: name and age in
            seconds of each thread of this program that was given up and still runs.
    """

    id: Hashable
    kind: str
    type: str
    status: str
    name: str | None = None
    restarts: int = 0
    mailbox: int = 0
    handled: int = 0
    last_crash: LastCrash | None = None
    children: tuple[TreeNode, ...] = ()
    more: int = 0
    ref: Ref | None = None
    suspended: bool = False
    abandoned_threads: tuple[tuple[str, float], ...] = ()
    next_restart: datetime | None = None

    def walk(self) -> Iterator[TreeNode]:
        """Yield this node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, child_id: Hashable) -> TreeNode | None:
        """Return the first node called `child_id`, `None` if there is none."""
        return next((node for node in self.walk() if node.id == child_id), None)


def tree(supervisor: Ref | Name, *, max_children: int = 20, timeout: float = 1.0) -> TreeNode:
    """Return the tree below `supervisor`, which need not be a root.

    Runs in the caller's thread, which must not be that of one of the supervisors.

    Args:
        supervisor: its ref or its name.
        max_children: how many children of each supervisor are listed.
        timeout: seconds that each supervisor has to answer.

    Raises:
        NoProcess: nobody has this name. A ref that has ended gives a node that says so.
    """
    ref = supervisor.ref() if isinstance(supervisor, Name) else supervisor
    type_ = SUPERVISOR if issubclass(ref.actor_class, SupervisorBase) else WORKER
    root = TreeNode(ref.label, "", type_.value, ChildState.RUNNING.value)
    root = replace(root, abandoned_threads=tuple(abandoned_threads()))
    return _with_actor(root, ref, max_children, timeout)


def waiting(ref: Ref) -> int:
    """Return how many messages wait for `ref`, in its mailbox and held back; from any thread."""
    actor = ref.running
    return ref.mailbox_length() + (0 if actor is None else actor.messages_held())


def format_tree(node: TreeNode) -> str:
    """Return the tree as lines of text with box-drawing characters."""
    threads = [f"abandoned thread {name}, {age:,.0f} s ago" for name, age in node.abandoned_threads]
    return "\n".join([_describe(node), *_lines_below(node), *threads])


def _node(info: ChildInfo, max_children: int, timeout: float) -> TreeNode:
    node = TreeNode(
        id=info.id,
        kind="",
        type=info.type.value,
        status=info.state.value,
        restarts=info.restarts,
        last_crash=info.last_crash,
        next_restart=info.next_restart,
    )
    has_actor = info.ref is not None and info.state is not ChildState.RESTARTING
    return _with_actor(node, info.ref, max_children, timeout) if has_actor else node


def _with_actor(node: TreeNode, ref: Ref | None, max_children: int, timeout: float) -> TreeNode:
    assert ref is not None
    node = replace(
        node,
        kind=ref.actor_class.__name__,
        name=ref.label if ref.names() else None,
        mailbox=waiting(ref),
        handled=ref.handled,
        ref=ref,
        suspended=ref.suspended,
    )
    if not ref.is_alive():
        return replace(node, status="ended")
    if not issubclass(ref.actor_class, SupervisorBase):
        return node
    try:
        return _with_children(node, ref, max_children, timeout)
    except CallTimeout:
        return replace(node, status="busy")
    except ActorDead:
        return replace(node, status="ended")


def _with_children(node: TreeNode, ref: Ref, max_children: int, timeout: float) -> TreeNode:
    infos = which_children(ref, limit=max_children + 1, timeout=timeout)
    more = 0
    if len(infos) > max_children:
        more = max(1, count_children(ref, timeout=timeout).specs - max_children)
    shown = infos[:max_children]
    children = tuple(_node(info, max_children, timeout) for info in shown)
    return replace(node, children=children, more=more)


def _lines_below(node: TreeNode) -> Iterator[str]:
    last = len(node.children) - 1 + bool(node.more)
    for index, child in enumerate(node.children):
        corner, bar = ("└── ", "    ") if index == last else ("├── ", "│   ")
        yield corner + _describe(child)
        for line in _lines_below(child):
            yield bar + line
    if node.more:
        yield f"└── … and {node.more:,} more"


def _describe(node: TreeNode) -> str:
    label = child_text(node.id)
    parts = [label]
    if node.kind and not label.startswith(node.kind):
        parts.append(f"({node.kind})")
    if node.name is not None and node.name != label:
        parts.append(f"as {node.name}")
    if node.status != ChildState.RUNNING.value:
        parts.append(node.status)
    if node.next_restart is not None:
        parts.append(f"next attempt {node.next_restart:%Y-%m-%d %H:%M:%S}")
    if node.suspended:
        parts.append("suspended")
    if node.restarts:
        parts.append(f"{node.restarts} restart" + ("s" if node.restarts > 1 else ""))
    if node.mailbox:
        parts.append(f"{node.mailbox:,} waiting")
    if node.last_crash is not None:
        parts.append(f"last crash {node.last_crash.at:%Y-%m-%d %H:%M:%S}: {node.last_crash.reason}")
    return "  ".join(parts)
