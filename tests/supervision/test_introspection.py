"""The tree as data and as text."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from supervision import POOLED, Actor, ManualClock, Ref, Registry
from supervision.administration import StartChild, start_child, terminate_child
from supervision.dynamic_supervisor import DynamicSupervisor
from supervision.introspection import format_tree, tree
from supervision.specs import child_spec
from supervision.supervisor import Supervisor
from supervision.terms import INFINITY
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from supervision.testing_children import Fail, Run, Script, children_of


@pytest.fixture
def script() -> Script:
    return Script("journal")


@pytest.fixture
def root(script: Script) -> Iterator[Ref]:
    names = Registry("names")
    branch = child_spec(Supervisor, [Script("leaf").spec()], id="projectors")
    root = Supervisor.start(
        [
            script.spec(name=names.name("the journal")),
            branch,
            child_spec(DynamicSupervisor, id="aggregates"),
        ],
        clock=ManualClock(),
    )
    yield root
    root.stop()


def test_a_tree_shows_who_is_there_and_what_has_happened(root: Ref, script: Script) -> None:
    script.wait_started().tell(Fail(RuntimeError("disk on fire")))
    script.wait_started()

    node = tree(root)

    assert [child.id for child in node.children] == ["journal", "projectors", "aggregates"]
    assert [one.type for one in node.walk()] == [
        "supervisor",
        "worker",
        "supervisor",
        "worker",
        "supervisor",
    ]
    journal = node.find("journal")
    assert journal is not None
    assert (journal.name, journal.status, journal.restarts) == ("the journal", "running", 1)
    assert journal.last_crash is not None
    assert "disk on fire" in str(journal.last_crash.reason)


def test_a_tree_is_drawn(root: Ref, script: Script) -> None:
    script.wait_started().tell(Fail(RuntimeError("disk on fire")))
    script.wait_started()

    lines = format_tree(tree(root)).splitlines()

    assert lines[0].startswith("Supervisor@")
    assert lines[1:] == [
        (
            "├── journal  (Scripted)  as the journal  1 restart  "
            "last crash 2026-01-01 00:00:00: crashed: RuntimeError: disk on fire"
        ),
        "├── projectors  (Supervisor)",
        "│   └── leaf  (Scripted)",
        "└── aggregates  (DynamicSupervisor)",
    ]


def test_many_children_are_cut_and_counted(root: Ref) -> None:
    aggregates = children_of(root)["aggregates"].ref
    assert aggregates is not None
    for _ in range(1_025):
        start_child(aggregates, child_spec(Actor, dispatcher=POOLED))

    node = tree(root, max_children=5).find("aggregates")

    assert node is not None
    assert (len(node.children), node.more) == (5, 1_020)
    assert format_tree(node).splitlines()[-1] == "└── … and 1,020 more"


def test_a_stopped_child_is_shown_as_stopped(root: Ref) -> None:
    terminate_child(root, "journal")

    node = tree(root).find("journal")

    assert node is not None
    assert (node.status, node.kind, node.ref) == ("stopped", "", None)


def test_a_supervisor_that_is_busy_is_not_waited_for(root: Ref) -> None:
    projectors, gate = children_of(root)["projectors"].ref, Gate()
    assert projectors is not None
    slow = Script("slow")
    slow.next_starts(gate)
    projectors.ask(_start(slow), block=False)
    gate.wait_arrived()

    node = tree(root, timeout=0.01).find("projectors")
    gate.open()

    assert node is not None
    assert (node.status, node.children) == ("busy", ())


def test_an_ended_supervisor_is_shown_as_ended() -> None:
    ref = Supervisor.start()
    ref.shutdown()
    wait_for_exit(ref)

    assert tree(ref).status == "ended"


def test_a_supervisor_may_be_given_by_name() -> None:
    name = Registry("names").name("root")
    parent = DynamicSupervisor.start()
    start_child(parent, child_spec(Supervisor, [Script("leaf").spec()], name=name))

    assert [child.id for child in tree(name).children] == ["leaf"]
    parent.stop()


def test_suspension_and_abandoned_threads_are_drawn(root: Ref, script: Script) -> None:
    node = tree(root)
    journal = replace(node.children[0], suspended=True, restarts=2)
    node = replace(node, children=(journal,), abandoned_threads=(("Scripted-7", 12.3),))

    assert format_tree(node).splitlines()[1:] == [
        "└── journal  (Scripted)  as the journal  suspended  2 restarts",
        "abandoned thread Scripted-7, 12 s ago",
    ]


def test_a_thread_that_was_given_up_is_shown_until_it_ends(root: Ref, script: Script) -> None:
    release, entered = threading.Lock(), threading.Event()
    release.acquire()
    child = script.wait_started()
    child.tell(Run(lambda: (entered.set(), release.acquire())))
    entered.wait(HANG)
    child.abandon()

    assert [name.split("-")[0] for name, _ in tree(root).abandoned_threads] == ["Scripted"]
    release.release()
    wait_until(lambda: not tree(root).abandoned_threads)


def _start(script: Script) -> object:
    return StartChild(script.spec(shutdown=INFINITY))
