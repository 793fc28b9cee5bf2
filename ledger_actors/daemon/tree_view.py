"""The supervision tree in the protocol's form, with the names that `ledger.actor` takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ledger_actors.daemon.protocol import TreeAnswer, TreeRecord
from supervision import Ref
from supervision.introspection import TreeNode, format_tree, tree
from supervision.reports import child_text

ROOT = "application"


def tree_answer(root: Ref, notes: Mapping[str, str]) -> TreeAnswer:
    """The tree below `root` as it is now, as data and as a drawing; blocks.

    `notes` has what else there is to say of some, by their names.
    """
    found = replace(_named(tree(root)), id=ROOT, name=None)
    return TreeAnswer(_record(found, notes), format_tree(_noted(found, notes)))


def _noted(node: TreeNode, notes: Mapping[str, str]) -> TreeNode:
    """The same node with its note beside its status, where the drawing shows that."""
    children = tuple(_noted(child, notes) for child in node.children)
    note = notes.get(str(node.id))
    if note is None:
        return replace(node, children=children)
    status = note if node.status == "running" else f"{node.status}  {note}"
    return replace(node, status=status, children=children)


def _named(node: TreeNode) -> TreeNode:
    """The same node under its short name: `account/a-1` for an aggregate, else its id."""
    children = tuple(map(_named, node.children))
    return replace(node, id=child_text(node.id), name=None, children=children)


def _record(node: TreeNode, notes: Mapping[str, str]) -> TreeRecord:
    crash = node.last_crash
    return TreeRecord(
        id=str(node.id),
        kind=node.kind,
        status=node.status,
        restarts=node.restarts,
        mailbox=node.mailbox,
        last_crash=None if crash is None else f"{crash.at.isoformat()} {crash.reason}",
        children=tuple(_record(child, notes) for child in node.children),
        hidden_children=node.more,
        note=notes.get(str(node.id)),
    )
