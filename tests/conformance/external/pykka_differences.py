"""Where our actors rightly differ from what Pykka's own suite asserts: case, and why.

A case that is not here must pass in every mode; one that is here must fail, so that a difference
that has gone away leaves the list, too.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DIFFERENCES", "Difference"]

CRASH = "an exception ends the actor also when somebody waits for the answer: let it crash"
CONTAINED = (
    "a BaseException is the crash of one actor and ends no other; on_failure runs, not on_stop"
)
STRUCTLOG = "crashes are structlog events (actor.crashed), not lines of the logger `pykka`"
REASON = "the error says why the actor has ended, which Pykka's `... not found` does not"


@dataclass(frozen=True, slots=True)
class Difference:
    """One case of Pykka's suite, without the mode, and why ours does otherwise."""

    case: str
    reason: str


DIFFERENCES = {
    one.case: one
    for one in (
        Difference(
            "proxy.test_static_method_calls::test_exception_in_method_reraised_by_future", CRASH
        ),
        Difference("test_actor::test_all_actors_are_stopped_on_base_exception", CONTAINED),
        Difference("test_logging::test_base_exception_is_logged", CONTAINED),
        Difference("test_logging::test_exception_is_logged_when_returned_to_caller", STRUCTLOG),
        Difference("test_logging::test_exception_is_logged_when_not_reply_requested", STRUCTLOG),
        Difference("test_logging::test_exception_in_on_start_is_logged", STRUCTLOG),
        Difference("test_logging::test_exception_in_on_stop_is_logged", STRUCTLOG),
        Difference("test_logging::test_exception_in_on_failure_is_logged", STRUCTLOG),
        Difference("test_ref::test_tell_fails_if_actor_is_stopped", REASON),
        Difference("test_ref::test_ask_fails_if_actor_is_stopped", REASON),
        Difference("test_ref::test_ask_nonblocking_fails_future_if_actor_is_stopped", REASON),
    )
}
