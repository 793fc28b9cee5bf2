"""OTP `supervisor_SUITE`, child administration: what each call answers in each state of a child."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from supervision import (
    NORMAL,
    Actor,
    AlreadyPresent,
    AlreadyStarted,
    ChildNotFound,
    ChildRunning,
    InvalidChildSpec,
    NoProcess,
    NotSupported,
    Ref,
    Registry,
)
from supervision.administration import (
    count_children,
    delete_child,
    get_child_spec,
    restart_child,
    start_child,
    terminate_child,
    which_children,
)
from supervision.children import ChildState, Counts
from supervision.specs import SupervisorFlags, child_spec
from supervision.supervisor import Supervisor
from supervision.terms import (
    ANY_SIGNIFICANT,
    ONE_FOR_ALL,
    ONE_FOR_ONE,
    PERMANENT,
    REST_FOR_ONE,
    SUPERVISOR,
    TEMPORARY,
    TRANSIENT,
)
from supervision.testing import wait_for_exit
from supervision.testing_children import Exit, Fail, Script, children_of


def _running(root: Ref, script: Script) -> None:
    """The child runs already."""


def _stopped(root: Ref, script: Script) -> None:
    terminate_child(root, "child")


def _deleted(root: Ref, script: Script) -> None:
    terminate_child(root, "child")
    delete_child(root, "child")


ADMINISTRATION: list[tuple[Any, Any, Any]] = [
    (_running, start_child, AlreadyStarted),
    (_running, lambda root, spec: restart_child(root, "child"), ChildRunning),
    (_running, lambda root, spec: delete_child(root, "child"), ChildRunning),
    (_running, lambda root, spec: terminate_child(root, "child"), ChildState.STOPPED),
    (_stopped, start_child, AlreadyPresent),
    (_stopped, lambda root, spec: terminate_child(root, "child"), ChildState.STOPPED),
    (_stopped, lambda root, spec: restart_child(root, "child"), ChildState.RUNNING),
    (_stopped, lambda root, spec: delete_child(root, "child"), None),
    (_deleted, lambda root, spec: terminate_child(root, "child"), ChildNotFound),
    (_deleted, lambda root, spec: restart_child(root, "child"), ChildNotFound),
    (_deleted, lambda root, spec: delete_child(root, "child"), ChildNotFound),
    (_deleted, start_child, ChildState.RUNNING),
]


@pytest.mark.parametrize(("prepare", "call", "expected"), ADMINISTRATION)
def test_otp_child_adm(supervise: Any, prepare: Any, call: Any, expected: Any) -> None:
    """Each state of a child times each call: the state that follows, or the error."""
    script = Script("child")
    root = supervise(script.spec())
    prepare(root, script)

    if isinstance(expected, type):
        with pytest.raises(expected):
            call(root, script.spec())
        return
    call(root, script.spec())

    child = children_of(root).get("child")
    assert (child.state if child else None) == expected


def test_otp_child_adm_already_started_names_the_running_child(supervise: Any) -> None:
    script = Script("child")
    root = supervise(script.spec())
    running = script.wait_started()

    with pytest.raises(AlreadyStarted) as caught:
        start_child(root, script.spec())
    assert caught.value.ref is running


def test_otp_child_adm_unknown_supervisor() -> None:
    """A call to a supervisor that nobody knows is a `no process` error."""
    nobody = Registry("names").name("supervisor")

    for call in (which_children, count_children):
        with pytest.raises(NoProcess):
            call(nobody)
    with pytest.raises(NoProcess):
        terminate_child(nobody, "child")


def test_otp_child_adm_by_ref(supervise: Any) -> None:
    """Terminating by ref is refused in static strategies; the child goes on."""
    script = Script("child")
    root = supervise(script.spec())
    ref = script.wait_started()

    with pytest.raises(NotSupported, match="by its id"):
        terminate_child(root, ref)
    assert ref.ask("ping") == "ping"


def test_otp_child_adm_simple(dynamic: Any, supervise: Any) -> None:
    """Dynamic children are named by ref only; a stranger is not found, and stays alive."""
    root = dynamic()
    ref = start_child(root, Script("child").spec())
    stranger = Script("stranger")
    supervise(stranger.spec())
    stranger_ref = stranger.wait_started()

    for call in (terminate_child, get_child_spec, restart_child, delete_child):
        with pytest.raises(NotSupported):
            call(root, "child")
    with pytest.raises(ChildNotFound):
        terminate_child(root, stranger_ref)
    assert stranger_ref.ask("ping") == "ping"

    terminate_child(root, ref)
    assert wait_for_exit(ref) is not None
    with pytest.raises(ChildNotFound):
        terminate_child(root, ref)


def test_otp_child_specs(supervise: Any) -> None:
    """What is no spec is refused before it is sent; a spec that does not fit, by the supervisor."""
    root = supervise()

    with pytest.raises(InvalidChildSpec):
        start_child(root, {"id": "child"})  # type: ignore[arg-type]
    with pytest.raises(InvalidChildSpec, match="auto_shutdown=NEVER"):
        start_child(root, Script().spec(restart=TRANSIENT, significant=True))
    with pytest.raises(InvalidChildSpec, match="two children are called"):
        supervise(Script("a").spec(), Script("a").spec())
    assert which_children(root) == []


def test_otp_child_specs_map(supervise: Any) -> None:
    """A significant child is accepted where its supervisor acts on its end."""
    root = supervise(flags=SupervisorFlags(auto_shutdown=ANY_SIGNIFICANT))

    assert start_child(root, Script().spec(restart=TEMPORARY, significant=True)) is not None


def test_otp_count_children(dynamic: Any) -> None:
    """Counts follow 200 and then 400 children up and down."""
    root = dynamic(flags=SupervisorFlags(max_restarts=0))
    refs: list[Any] = []
    for total in (200, 400):
        while len(refs) < total:
            refs.append(start_child(root, _pooled(restart=TEMPORARY)))
        assert count_children(root) == Counts(total, total, 0, total)
    for ref in refs:
        ref.kill()
        wait_for_exit(ref)
    assert count_children(root) == Counts(0, 0, 0, 0)


def test_otp_count_children_supervisor(dynamic: Any) -> None:
    """Children that are supervisors are counted as such."""
    root = dynamic()
    refs = [start_child(root, _pooled(type=SUPERVISOR, restart=TEMPORARY)) for _ in range(20)]

    assert count_children(root) == Counts(20, 20, 20, 0)
    for ref in refs:
        terminate_child(root, ref)
    assert count_children(root) == Counts(0, 0, 0, 0)


class Forgetful(Actor):
    """Does not keep what its constructor gets."""

    def __init__(self, argument: object) -> None:
        super().__init__()


class Argument:
    """Something that can be watched being collected."""


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_otp_do_not_save_start_parameters_for_temporary_children(
    supervise: Any, dynamic: Any, kind: str
) -> None:
    """A supervisor keeps the arguments of what it may start again, and no others."""
    root = supervise() if kind == "static" else dynamic()

    kept = _start_with_argument(root, id="permanent")
    dropped = _start_with_argument(root, id="temporary", restart=TEMPORARY)
    which_children(root)  # so that the supervisor has let go of the request, too
    gc.collect()

    assert kept() is not None
    assert dropped() is None


def _start_with_argument(root: Ref, **options: Any) -> Callable[[], object]:
    argument = Argument()
    start_child(root, child_spec(Forgetful, argument, **options))
    return weakref.ref(argument)


WAYS_TO_END: dict[str, Callable[[Ref, Ref], object]] = {
    "normal": lambda root, ref: ref.tell(Exit(NORMAL)),
    "crash": lambda root, ref: ref.tell(Fail(RuntimeError("oops"))),
    "killed": lambda root, ref: ref.kill(),
    "terminated": lambda root, ref: terminate_child(root, "child"),
}


@pytest.mark.parametrize("strategy", [ONE_FOR_ONE, ONE_FOR_ALL, REST_FOR_ONE])
@pytest.mark.parametrize("way", WAYS_TO_END)
def test_otp_do_not_save_child_specs_for_temporary_children(
    supervise: Any, strategy: Any, way: str
) -> None:
    """However a temporary child ends, its spec goes with it, and its id can be used again."""
    script = Script("child")
    root = supervise(flags=SupervisorFlags(strategy, max_restarts=0))
    ref = start_child(root, script.spec(restart=TEMPORARY))
    assert ref is not None

    WAYS_TO_END[way](root, ref)
    wait_for_exit(ref)

    assert which_children(root) == []
    assert start_child(root, script.spec(restart=TEMPORARY)) is not ref


@pytest.mark.parametrize("strategy", [ONE_FOR_ONE, ONE_FOR_ALL, REST_FOR_ONE])
@pytest.mark.parametrize("restart", [PERMANENT, TRANSIENT])
def test_otp_child_specs_of_other_children_are_saved(
    supervise: Any, strategy: Any, restart: Any
) -> None:
    """A permanent or transient child that was terminated is still there."""
    script = Script("child")
    root = supervise(script.spec(restart=restart), flags=SupervisorFlags(strategy))

    terminate_child(root, "child")

    with pytest.raises(AlreadyPresent):
        start_child(root, script.spec(restart=restart))


def test_ex_child_life_cycle(supervise: Any) -> None:
    """Start, refuse a delete, terminate, restart, terminate, delete; with the counts after each."""
    script, root = Script("child"), supervise()
    counts = []

    def count() -> None:
        counts.append((count_children(root).specs, count_children(root).active))

    start_child(root, script.spec())
    count()
    with pytest.raises(ChildRunning):
        delete_child(root, "child")
    terminate_child(root, "child")
    count()
    restart_child(root, "child")
    count()
    terminate_child(root, "child")
    delete_child(root, "child")
    count()

    assert counts == [(1, 1), (1, 0), (1, 1), (0, 0)]


def test_ex_start_link_with_local_name(supervise: Any) -> None:
    """A named child that crashes is reachable under the same name again."""
    script, names = Script("child"), Registry("names")
    name = names.name("cashier")
    supervise(script.spec(name=name))
    first = script.wait_started()

    first.tell(Fail(RuntimeError("oops")))
    second = script.wait_started()

    assert name.whereis() is second
    assert name.ask("ping") == "ping"


def test_ex_start_child_already_registered(supervise: Any, dynamic: Any) -> None:
    """A second child under one name is refused, with the first one's ref."""
    name = Registry("names").name("cashier")
    for root in (supervise(), dynamic()):
        ref = start_child(root, Script("first").spec(name=name))
        with pytest.raises(AlreadyStarted) as caught:
            start_child(root, Script("second").spec(name=name))
        assert caught.value.ref is ref
        terminate_child(root, ref if root.actor_class is not Supervisor else "first")


def _pooled(**options: Any) -> Any:
    from supervision import POOLED

    return child_spec(Actor, dispatcher=POOLED, **options)
