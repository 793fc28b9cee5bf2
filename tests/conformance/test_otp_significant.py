"""OTP `supervisor_SUITE`, significant children: when a supervisor ends because a child has."""

from __future__ import annotations

from typing import Any

import pytest

from supervision import NORMAL, Ref, Shutdown
from supervision.administration import (
    count_children,
    restart_child,
    start_child,
    terminate_child,
    which_children,
)
from supervision.children import ChildState
from supervision.reasons import ExitReason
from supervision.reports import AutomaticShutdown
from supervision.specs import SupervisorFlags, child_spec
from supervision.supervisor import Supervisor
from supervision.terms import (
    ALL_SIGNIFICANT,
    ANY_SIGNIFICANT,
    NEVER,
    ONE_FOR_ALL,
    PERMANENT,
    REST_FOR_ONE,
    TEMPORARY,
    TRANSIENT,
    AutoShutdown,
)
from supervision.testing import wait_for_exit
from supervision.testing_children import Exit, Fail, Script, children_of

CRASH = Fail(RuntimeError("oops"))


def end(ref: Ref, message: Any) -> None:
    ref.tell(message)
    wait_for_exit(ref)


def shut_down_by_itself(reason: ExitReason) -> bool:
    return isinstance(reason, Shutdown) and isinstance(reason.detail, AutomaticShutdown)


def flags(mode: AutoShutdown, **options: Any) -> SupervisorFlags:
    return SupervisorFlags(auto_shutdown=mode, max_restarts=10, **options)


@pytest.mark.parametrize("mode", list(AutoShutdown))
@pytest.mark.parametrize("message", [Exit(NORMAL), Exit(Shutdown()), CRASH])
def test_otp_nonsignificant_temporary(supervise: Any, mode: Any, message: Any) -> None:
    """However it ends, a temporary child that is not significant shuts nothing down."""
    script = Script("child")
    root = supervise(script.spec(restart=TEMPORARY), flags=flags(mode))

    end(script.wait_started(), message)

    assert which_children(root) == []


@pytest.mark.parametrize("mode", list(AutoShutdown))
@pytest.mark.parametrize("message", [Exit(NORMAL), Exit(Shutdown()), CRASH])
def test_otp_nonsignificant_transient(supervise: Any, mode: Any, message: Any) -> None:
    """Nor does a transient one."""
    script = Script("child")
    root = supervise(script.spec(restart=TRANSIENT), flags=flags(mode))

    end(script.wait_started(), message)

    assert count_children(root).specs == 1


@pytest.mark.parametrize("message", [Exit(NORMAL), Exit(Shutdown("x")), CRASH])
def test_otp_significant_temporary(supervise: Any, message: Any) -> None:
    """Any end by itself of any significant temporary child ends the supervisor."""
    one, two = Script("one"), Script("two")
    specs = [script.spec(restart=TEMPORARY, significant=True) for script in (one, two)]
    root = supervise(*specs, flags=flags(ANY_SIGNIFICANT))

    end(one.wait_started(), message)

    assert shut_down_by_itself(wait_for_exit(root))
    assert two.journal == [("start", "two"), ("stop", "two")]


@pytest.mark.parametrize("mode", [ANY_SIGNIFICANT, ALL_SIGNIFICANT])
def test_otp_significant_temporary_terminated(supervise: Any, mode: Any) -> None:
    """An end that was asked of the supervisor does not count."""
    script = Script("child")
    root = supervise(script.spec(restart=TEMPORARY, significant=True), flags=flags(mode))

    terminate_child(root, "child")

    assert which_children(root) == []


def test_otp_significant_temporary_all(supervise: Any) -> None:
    """`all_significant` waits for the last one."""
    scripts = [Script(n) for n in range(3)]
    specs = [script.spec(restart=TEMPORARY, significant=True) for script in scripts]
    root = supervise(*specs, Script("other").spec(), flags=flags(ALL_SIGNIFICANT))
    refs = [script.wait_started() for script in scripts]

    end(refs[0], CRASH)
    terminate_child(root, 1)
    assert count_children(root).specs == 2
    end(refs[2], Exit(NORMAL))

    assert shut_down_by_itself(wait_for_exit(root))


@pytest.mark.parametrize("mode", [ANY_SIGNIFICANT, ALL_SIGNIFICANT])
def test_otp_significant_transient(supervise: Any, mode: Any) -> None:
    """Only an end that is not abnormal counts; a crash restarts."""
    script = Script("child")
    root = supervise(script.spec(restart=TRANSIENT, significant=True), flags=flags(mode))

    end(script.wait_started(), CRASH)
    second = script.wait_started()
    terminate_child(root, "child")
    restart_child(root, "child")
    third = script.wait_started()
    assert second is not third

    end(third, Exit(NORMAL))
    assert shut_down_by_itself(wait_for_exit(root))


@pytest.mark.parametrize(("mode", "survives"), [(ANY_SIGNIFICANT, False), (ALL_SIGNIFICANT, True)])
def test_otp_significant_simple(dynamic: Any, mode: Any, survives: bool) -> None:
    """The same under a dynamic supervisor."""
    script = Script("child")
    root = dynamic(flags=flags(mode))
    spec = script.spec(restart=TRANSIENT, significant=True)
    first, second = start_child(root, spec), start_child(root, spec)
    script.wait_started(), script.wait_started()

    end(first, CRASH)  # type: ignore[arg-type]
    restarted = script.wait_started()
    end(second, Exit(NORMAL))  # type: ignore[arg-type]

    if survives:
        assert count_children(root).specs == 1
        end(restarted, Exit(NORMAL))
    assert shut_down_by_itself(wait_for_exit(root))


@pytest.mark.parametrize("strategy", [ONE_FOR_ALL, REST_FOR_ONE])
@pytest.mark.parametrize("mode", [ANY_SIGNIFICANT, ALL_SIGNIFICANT])
def test_otp_significant_bystander(supervise: Any, strategy: Any, mode: Any) -> None:
    """Being stopped because of a sibling is not an end by itself."""
    crashing, transient, temporary = Script("crashing"), Script("transient"), Script("temporary")
    root = supervise(
        crashing.spec(restart=PERMANENT),
        transient.spec(restart=TRANSIENT, significant=True),
        temporary.spec(restart=TEMPORARY, significant=True),
        flags=flags(mode, strategy=strategy),
    )

    end(crashing.wait_started(), CRASH)

    children = children_of(root)
    assert list(children) == ["crashing", "transient"]
    assert children["transient"].state is ChildState.RUNNING


@pytest.mark.parametrize("significant", [True, False])
def test_otp_significant_escalation(supervise: Any, significant: bool) -> None:
    """The automatic shutdown of a significant supervisor propagates; that of another does not."""
    leaf = Script("leaf")
    branch = child_spec(
        Supervisor,
        [leaf.spec(restart=TEMPORARY, significant=True)],
        flags(ANY_SIGNIFICANT),
        id="branch",
        restart=TRANSIENT,
        significant=significant,
    )
    root = supervise(branch, flags=flags(ANY_SIGNIFICANT if significant else NEVER))
    branch_ref = children_of(root)["branch"].ref
    assert branch_ref is not None

    end(leaf.wait_started(), Exit(NORMAL))

    assert shut_down_by_itself(wait_for_exit(branch_ref))
    if significant:
        assert shut_down_by_itself(wait_for_exit(root))
    else:
        assert children_of(root)["branch"].state is ChildState.STOPPED
