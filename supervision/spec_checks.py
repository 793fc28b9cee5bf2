"""One validator for each field of a child spec and of a supervisor's flags.

Each raises `InvalidChildSpec` or `InvalidSupervisorFlags` with a sentence of its own, which names
the field, what would be right, and what was given.
"""

from __future__ import annotations

from functools import cache

from supervision.backoff import Backoff
from supervision.errors import InvalidChildSpec, InvalidSupervisorFlags
from supervision.terms import (
    BRUTAL_KILL,
    PERMANENT,
    TEMPORARY,
    AutoShutdown,
    ChildType,
    Restart,
    Strategy,
)


@cache
def _actor_class() -> type:
    from supervision.actor import Actor  # which knows specs; an import for each spec would cost

    return Actor


@cache
def _name_class() -> type:
    from supervision.registry import Name

    return Name


def check_id(value: object) -> None:
    """Any hashable but `None`: it names the child."""
    try:
        hash(value)  # a tuple is Hashable, whatever is in it
    except TypeError:
        is_one = False
    else:
        is_one = value is not None
    if not is_one:
        raise InvalidChildSpec(f"id: any hashable value but None, not {value!r}")


def check_start_function(value: object) -> None:
    """What is no `Start` must be callable."""
    if not callable(value):
        raise InvalidChildSpec(
            f"start: a Start or a function that starts an actor and returns its ref, not {value!r}"
        )


def check_actor_class(value: object) -> None:
    """A `Start` makes an actor of this package."""
    if not (isinstance(value, type) and issubclass(value, _actor_class())):
        raise InvalidChildSpec(f"start: a subclass of supervision.Actor, not {value!r}")


def check_restart(value: object) -> None:
    """One of the three restart types."""
    if not isinstance(value, Restart):
        raise InvalidChildSpec(f"restart: PERMANENT, TRANSIENT or TEMPORARY, not {value!r}")


def check_type(value: object) -> None:
    """One of the two child types."""
    if not isinstance(value, ChildType):
        raise InvalidChildSpec(f"type: WORKER or SUPERVISOR, not {value!r}")


def check_shutdown(value: object) -> None:
    """A time, or no time at all."""
    if value is not BRUTAL_KILL and not _is_duration(value):
        raise InvalidChildSpec(
            f"shutdown: seconds (zero or more), INFINITY or BRUTAL_KILL, not {value!r}"
        )


def check_significant_flag(value: object, restart: Restart) -> None:
    """A flag that a permanent child cannot have."""
    if not isinstance(value, bool):
        raise InvalidChildSpec(f"significant: True or False, not {value!r}")
    if value and restart is PERMANENT:
        raise InvalidChildSpec(
            "significant: only a transient or temporary child can be significant; "
            "a permanent one is always restarted"
        )


def check_name(value: object) -> None:
    """A name in a unique registry, or none."""
    if value is not None and not isinstance(value, _name_class()):
        raise InvalidChildSpec(f"name: a registry's name(key), not {value!r}")


def check_mailbox(value: object) -> None:
    """A limit, or none."""
    from supervision.mailbox import Mailbox

    if value is not None and not isinstance(value, Mailbox):
        raise InvalidChildSpec(f"mailbox: a Mailbox(limit, overflow) or None, not {value!r}")


def check_where(name: object, dispatcher: object, mailbox: object, *, made_by_spec: bool) -> None:
    """A start function makes its actor itself: a spec cannot name, place or bound it."""
    if not made_by_spec and not (name is None and dispatcher is None and mailbox is None):
        raise InvalidChildSpec(
            "name, dispatcher, mailbox: only with a Start; a start function sees to them itself"
        )


def check_await_start(value: object) -> None:
    """A flag."""
    if not isinstance(value, bool):
        raise InvalidChildSpec(f"await_start: True or False, not {value!r}")


def check_start_timeout(value: object) -> None:
    """A time, or none."""
    if value is not None and not _is_duration(value):
        raise InvalidChildSpec(f"start_timeout: seconds (zero or more) or None, not {value!r}")


def check_backoff(value: object, restart: Restart) -> None:
    """A `Backoff`, or none; one that is never restarted needs none."""
    if value is not None and not isinstance(value, Backoff):
        raise InvalidChildSpec(f"backoff: a Backoff(initial, maximum) or None, not {value!r}")
    if value is not None and restart is TEMPORARY:
        raise InvalidChildSpec(
            "backoff: only for a permanent or transient child; a temporary one is never restarted"
        )


def check_strategy(value: object) -> None:
    """One of the three strategies."""
    if not isinstance(value, Strategy):
        raise InvalidSupervisorFlags(
            f"strategy: ONE_FOR_ONE, ONE_FOR_ALL or REST_FOR_ONE, not {value!r}"
        )


def check_intensity(max_restarts: object, max_seconds: object) -> None:
    """Zero restarts are allowed, zero seconds are not."""
    if not isinstance(max_restarts, int) or isinstance(max_restarts, bool) or max_restarts < 0:
        raise InvalidSupervisorFlags(
            f"max_restarts: a whole number, zero or more, not {max_restarts!r}"
        )
    if not _is_duration(max_seconds) or max_seconds == 0:
        raise InvalidSupervisorFlags(f"max_seconds: more than zero seconds, not {max_seconds!r}")


def check_auto_shutdown(value: object) -> None:
    """One of the three modes."""
    if not isinstance(value, AutoShutdown):
        raise InvalidSupervisorFlags(
            f"auto_shutdown: NEVER, ANY_SIGNIFICANT or ALL_SIGNIFICANT, not {value!r}"
        )


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
