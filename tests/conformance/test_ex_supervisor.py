"""Elixir `supervisor_test.exs`: specs that classes give of themselves, and starts by name."""

from __future__ import annotations

from typing import Any

import pytest

from supervision import (
    Actor,
    AlreadyRegistered,
    Crashed,
    DynamicSupervisor,
    InvalidChildSpec,
    Registry,
    spawn,
)
from supervision.administration import count_children, start_child, terminate_child
from supervision.specs import ChildSpec, Start, SupervisorFlags, child_spec
from supervision.supervisor import Supervisor
from supervision.terms import BRUTAL_KILL, INFINITY, NEVER, ONE_FOR_ONE, SUPERVISOR, TRANSIENT
from supervision.testing import wait_for_exit
from supervision.testing_children import Fail, Script, children_of


class Stack(Actor):
    def __init__(self, *items: str) -> None:
        super().__init__()
        self.items = items

    def on_receive(self, message: Any) -> Any:
        return self.items


@pytest.fixture(params=["static", "dynamic"])
def empty(request: pytest.FixtureRequest, supervise: Any, dynamic: Any) -> Any:
    """A supervisor of either kind, without children."""
    return supervise() if request.param == "static" else dynamic()


def test_ex_generates_child_spec_1() -> None:
    """A class gives a spec of itself; overrides take the place of its defaults."""
    spec = Stack.child_spec("hello", id="stack", restart=TRANSIENT, shutdown=BRUTAL_KILL)

    assert Stack.child_spec().id is Stack
    assert spec.start == Start(Stack, ("hello",))
    assert (spec.id, spec.restart, spec.shutdown) == ("stack", TRANSIENT, BRUTAL_KILL)


def test_ex_child_spec_2() -> None:
    """A supervisor's own spec has a supervisor's defaults."""
    spec = Supervisor.child_spec([], id="branch")

    assert (spec.type, spec.shutdown, spec.id) == (SUPERVISOR, INFINITY, "branch")


def test_ex_init_2() -> None:
    """Three restarts in five seconds, one for one, and never by itself."""
    flags = SupervisorFlags()

    assert (flags.max_restarts, flags.max_seconds) == (3, 5.0)
    assert (flags.strategy, flags.auto_shutdown) == (ONE_FOR_ONE, NEVER)


def test_ex_init_2_with_old_and_new_child_specs(supervise: Any) -> None:
    """Specs and classes may be mixed."""
    root = supervise(Stack, child_spec(Stack, "hello", id="stack"))

    assert list(children_of(root)) == [Stack, "stack"]


def test_ex_start_link_with_via(supervise: Any) -> None:
    """A named supervisor is reachable by its name, before and after it was restarted."""
    name = Registry("names").name("branch")
    leaf = Script("leaf")
    supervise(child_spec(Supervisor, [leaf.spec()], SupervisorFlags(max_restarts=0), name=name))
    first = name.whereis()
    assert first is not None
    assert count_children(name).active == 1

    leaf.wait_started().tell(Fail(RuntimeError("oops")))
    wait_for_exit(first)
    leaf.wait_started()

    assert name.whereis() is not first
    assert count_children(name).active == 1


@pytest.mark.parametrize("kind", [Supervisor, DynamicSupervisor])
def test_ex_start_link_with_a_name_that_is_taken(supervise: Any, kind: Any) -> None:
    name = Registry("names").name("branch")
    supervise(child_spec(kind, name=name))

    with pytest.raises(AlreadyRegistered):
        spawn(kind, name=name)


def test_ex_start_link_with_a_malformed_name() -> None:
    with pytest.raises(InvalidChildSpec, match=r"name: a registry's name\(key\)"):
        child_spec(Stack, name="stack")  # type: ignore[arg-type]


def test_ex_start_child_supports_new_child_spec(empty: Any) -> None:
    """A class, or a spec; the child is there when the call returns."""
    plain = start_child(empty, Stack)
    with_arguments = start_child(empty, child_spec(Stack, "hello", id="hello"))

    assert plain is not None
    assert with_arguments is not None
    assert (plain.ask("?"), with_arguments.ask("?")) == ((), ("hello",))


def test_ex_start_child_with_a_function(supervise: Any) -> None:
    """A start function's actor is supervised like any other, and restarted by the function."""
    root = supervise()

    ref = start_child(root, ChildSpec(id="child", start=lambda: spawn(Stack, ("hello",))))
    assert ref is not None
    ref.crash(RuntimeError("oops"))
    assert isinstance(wait_for_exit(ref), Crashed)

    again = children_of(root)["child"].ref
    assert again is not None
    assert again is not ref
    assert again.ask("?") == ("hello",)


def test_ex_start_child_with_invalid_child_spec(empty: Any) -> None:
    for junk in (None, 1, "Stack", {"id": Stack}, Stack()):
        with pytest.raises(InvalidChildSpec):
            start_child(empty, junk)  # type: ignore[arg-type]
    assert count_children(empty).specs == 0


@pytest.mark.parametrize("shutdown", [0, 5, 0.5, INFINITY, BRUTAL_KILL])
def test_ex_start_child_with_valid_child_spec(empty: Any, shutdown: Any) -> None:
    """Each shutdown that can be is accepted, and the child ends by it."""
    ref = start_child(empty, child_spec(Stack, shutdown=shutdown))
    assert ref is not None

    terminate_child(empty, Stack if empty.actor_class is Supervisor else ref)

    assert not ref.is_alive()
