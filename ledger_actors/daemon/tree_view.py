"""The supervision tree in the protocol's form, with the names that `ledger.actor` takes."""

from __future__ import annotations

from dataclasses import replace

from ledger_actors.daemon.protocol import TreeAnswer, TreeRecord
from supervision import Ref
from supervision.introspection import TreeNode, format_tree, tree
from supervision.reports import child_text

ROOT = "application"


def tree_answer(root: Ref) -> TreeAnswer:
    """The tree below `root` as it is now, as data and as a drawing; blocks."""
    found = replace(_named(tree(root)), id=ROOT, name=None)
    return TreeAnswer(_record(found), format_tree(found))


def _named(node: TreeNode) -> TreeNode:
    """The same node under its short name: `account/a-1` for an aggregate, else its id."""
    children = tuple(map(_named, node.children))
    return replace(node, id=child_text(node.id), name=None, children=children)


def _record(node: TreeNode) -> TreeRecord:
    crash = node.last_crash
    return TreeRecord(
        id=str(node.id),
        kind=node.kind,
        status=node.status,
        restarts=node.restarts,
        mailbox=node.mailbox,
        last_crash=None if crash is None else f"{crash.at.isoformat()} {crash.reason}",
        children=tuple(map(_record, node.children)),
        hidden_children=node.more,
    )
