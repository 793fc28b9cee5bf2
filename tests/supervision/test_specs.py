"""Child specs and supervisor flags: defaults, and one sentence for each field that cannot be."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest

from supervision import Actor, InvalidChildSpec, InvalidSupervisorFlags, Ref, Registry
from supervision.specs import ChildSpec, Start, SupervisorFlags, as_spec, check_children, child_spec
from supervision.supervisor import Supervisor
from supervision.terms import (
    ALL_SIGNIFICANT,
    BRUTAL_KILL,
    INFINITY,
    NEVER,
    ONE_FOR_ALL,
    ONE_FOR_ONE,
    PERMANENT,
    SUPERVISOR,
    TEMPORARY,
    TRANSIENT,
    WORKER,
)


class Worker(Actor):
    pass


def start_function() -> Ref:
    raise AssertionError("never called")


def test_a_spec_has_the_defaults_of_otp() -> None:
    spec = child_spec(Worker, 1, colour="red")

    assert spec.id is Worker
    assert spec.start == Start(Worker, (1,), {"colour": "red"})
    assert (spec.restart, spec.shutdown, spec.type) == (PERMANENT, 5.0, WORKER)
    assert (spec.significant, spec.await_start, spec.start_timeout) == (False, True, None)


def test_a_supervisor_as_a_child_may_take_as_long_as_it_takes_to_stop() -> None:
    spec = child_spec(Supervisor, [])

    assert (spec.type, spec.shutdown) == (SUPERVISOR, INFINITY)


def test_flags_have_the_defaults_of_elixir() -> None:
    flags = SupervisorFlags()

    assert (flags.strategy, flags.max_restarts, flags.max_seconds) == (ONE_FOR_ONE, 3, 5.0)
    assert flags.auto_shutdown is NEVER


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("id", []),
        ("start", 3),
        ("start", Start(int)),  # type: ignore[arg-type]
        ("start", Start(Worker())),  # type: ignore[arg-type]
        ("restart", "permanent"),
        ("shutdown", -1),
        ("shutdown", math.nan),
        ("shutdown", "5"),
        ("shutdown", True),
        ("type", "worker"),
        ("significant", 1),
        ("name", "cashier"),
        ("await_start", None),
        ("start_timeout", -0.1),
        ("start_timeout", "1"),
    ],
)
def test_a_field_that_cannot_be_is_refused_by_name(field: str, value: Any) -> None:
    fields: dict[str, Any] = {"id": "child", "start": Start(Worker), field: value}

    with pytest.raises(InvalidChildSpec, match=rf"^{field}: "):
        ChildSpec(**fields)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("strategy", "one_for_one"),
        ("max_restarts", -1),
        ("max_restarts", 1.5),
        ("max_restarts", True),
        ("max_seconds", 0),
        ("max_seconds", -1),
        ("max_seconds", "5"),
        ("auto_shutdown", False),
    ],
)
def test_a_flag_that_cannot_be_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidSupervisorFlags, match=rf"^{field}: "):
        SupervisorFlags(**{field: value})


def test_no_restarts_at_all_are_a_valid_intensity() -> None:
    assert SupervisorFlags(ONE_FOR_ALL, 0, 0.001).max_restarts == 0


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="restrat"):
        ChildSpec(id=1, start=Start(Worker), restrat=PERMANENT)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("restart", "shutdown", "type_", "start"),
    list(
        product(
            [PERMANENT, TRANSIENT, TEMPORARY],
            [0, 0.5, 5, INFINITY, BRUTAL_KILL],
            [WORKER, SUPERVISOR],
            [Start(Worker), start_function],
        )
    ),
)
def test_every_combination_of_good_fields_is_accepted(
    restart: Any, shutdown: Any, type_: Any, start: Any
) -> None:
    spec = ChildSpec(id="x", start=start, restart=restart, shutdown=shutdown, type=type_)

    assert (spec.restart, spec.shutdown_time, spec.type) == (restart, shutdown, type_)


def test_a_permanent_child_cannot_be_significant() -> None:
    with pytest.raises(InvalidChildSpec, match="permanent one is always restarted"):
        child_spec(Worker, significant=True)


def test_a_significant_child_needs_a_supervisor_that_acts_on_its_end() -> None:
    spec = child_spec(Worker, restart=TRANSIENT, significant=True)

    with pytest.raises(InvalidChildSpec, match="auto_shutdown=NEVER"):
        check_children([spec], NEVER)
    assert check_children([spec], ALL_SIGNIFICANT) == [spec]


def test_two_children_of_one_id_are_refused() -> None:
    with pytest.raises(InvalidChildSpec, match="two children are called 'a'"):
        check_children([child_spec(Worker, id="a"), child_spec(Worker, id="a")], NEVER)


def test_a_start_function_cannot_be_named_from_outside() -> None:
    name = Registry("names").name("x")

    with pytest.raises(InvalidChildSpec, match="only with a Start"):
        ChildSpec(id="x", start=start_function, name=name)


def test_a_class_gives_its_own_spec_and_anything_else_is_no_child() -> None:
    assert as_spec(Worker) == child_spec(Worker)
    for junk in (Worker(), "worker", None, {"id": 1}):
        with pytest.raises(InvalidChildSpec, match="a ChildSpec or an actor class"):
            as_spec(junk)


def test_what_is_kept_of_a_temporary_child_holds_no_arguments() -> None:
    spec = child_spec(Worker, bytearray(8), id="x", restart=TEMPORARY, big=bytearray(8))
    function = ChildSpec(id="x", start=start_function, restart=TEMPORARY)

    assert spec.without_arguments().start == Start(Worker)
    with pytest.raises(InvalidChildSpec, match="not kept"):
        function.without_arguments().start()  # type: ignore[operator]


def test_another_child_of_a_kind_differs_in_id_arguments_and_name_alone() -> None:
    names = Registry("names")
    kind = child_spec(Worker, restart=TEMPORARY, await_start=False, shutdown=2.0)

    made = kind.of_another("w-1", 1, 2, name=names.name("w-1"))

    assert made == child_spec(
        Worker,
        1,
        2,
        id="w-1",
        name=names.name("w-1"),
        restart=TEMPORARY,
        await_start=False,
        shutdown=2.0,
    )
    assert kind.start == Start(Worker)


def test_another_child_of_a_kind_is_checked_for_what_is_its_own() -> None:
    kind = child_spec(Worker)

    with pytest.raises(InvalidChildSpec, match="id: any hashable"):
        kind.of_another(None)
    with pytest.raises(InvalidChildSpec, match=r"id: .* not \(1, \[2\]\)"):
        kind.of_another((1, [2]))
    with pytest.raises(InvalidChildSpec, match="name: a registry's name"):
        kind.of_another("w", name="w")  # type: ignore[arg-type]
    with pytest.raises(InvalidChildSpec, match="start: a function makes one child"):
        ChildSpec(id="f", start=start_function).of_another("g")
